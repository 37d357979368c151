# What this PC does at the first logon of people who have no profile on it yet: what waits for whom, the script that lays
# it, and the task that starts the script. All of it stands below Program Files, where only administrators write.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImKeep
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWire

$TaskName = 'First logon'
$WaitName = '\A(anybody|S-1-(5-21|12-1)-[0-9-]+)\z'
# Nobody but administrators sees who is waited for; others may only walk through, to a file that they may read.
$PlaceAccess = 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;;0x1000a0;;;BU)'

function Get-Place { [IO.Path]::Combine($env:ProgramFiles, 'im_client', 'first-logon') }

function Get-ScriptPath { "$(Get-Place).ps1" }

# The task, function by function, under whatever name: playbooks/selftest.yml tries them under one of its own.

function Get-TaskPlace {
    # What names a task of ours to the Task Scheduler.
    param([string]$Name)
    @{ TaskPath = '\im_client\'; TaskName = $Name }
}

function Get-ImTaskText {
    # The task, as the Task Scheduler takes it: at each logon, for whoever is a user of this PC, with that user's rights.
    param([switch]$Disabled)
    $enabled = if ($Disabled) { 'false' } else { 'true' }
    $place = [Security.SecurityElement]::Escape((Get-ScriptPath))
    @"
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo>
    <Author>im_client</Author>
    <Description>Lays the messaging profile of whoever logs on for the first time.</Description>
  </RegistrationInfo>
  <Triggers>
    <LogonTrigger><Enabled>true</Enabled></LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author"><GroupId>S-1-5-32-545</GroupId><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>Parallel</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <Enabled>$enabled</Enabled>
    <Hidden>true</Hidden>
    <ExecutionTimeLimit>PT2M</ExecutionTimeLimit>
    <Priority>5</Priority>
  </Settings>
  <Actions Context="Author">
    <Exec>
      <Command>%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe</Command>
      <Arguments>-NoProfile -NonInteractive -WindowStyle Hidden -ExecutionPolicy Bypass -File "$place"</Arguments>
    </Exec>
  </Actions>
</Task>
"@
}

function Get-ImTaskGist {
    # What counts of a task. Windows writes it back in its own words: accounts, defaults and order may differ.
    param([string]$Text)
    $whole = [xml]$Text
    $words = { param($Name) @($whole.GetElementsByTagName($Name) | ForEach-Object { $_.InnerText.Trim() }) -join '|' }
    [ordered]@{
        command = & $words 'Command'
        arguments = & $words 'Arguments'
        logons = @($whole.GetElementsByTagName('LogonTrigger')).Count
        groups = @($whole.GetElementsByTagName('GroupId')).Count
        users = @($whole.GetElementsByTagName('UserId')).Count  # of the trigger or the principal: then it serves one person only
        disabled = @($whole.GetElementsByTagName('Enabled') | Where-Object { $_.InnerText -eq 'false' }).Count
        highest = @($whole.GetElementsByTagName('RunLevel') | Where-Object { $_.InnerText -eq 'HighestAvailable' }).Count
    }
}

function Register-ImTask {
    # Have the Task Scheduler take the task, in place of what it has under that name.
    param([string]$Name, [switch]$Disabled)
    $task = Get-TaskPlace $Name
    $null = Register-ScheduledTask @task -Xml (Get-ImTaskText -Disabled:$Disabled) -Force
}

function Get-ImTask {
    # A task as the Task Scheduler gives it back; nothing if it has none of that name.
    param([string]$Name)
    $task = Get-TaskPlace $Name
    Export-ScheduledTask @task -ErrorAction SilentlyContinue
}

function Unregister-ImTask {
    param([string]$Name)
    $task = Get-TaskPlace $Name
    Unregister-ScheduledTask @task -Confirm:$false
}

function Get-TaskState {
    # none, wished or other.
    $found = Get-ImTask $TaskName
    if (-not $found) { return 'none' }
    try { $same = ((Get-ImTaskGist $found).Values -join "`n") -ceq ((Get-ImTaskGist (Get-ImTaskText)).Values -join "`n") } catch { $same = $false }
    if ($same) { 'wished' } else { 'other' }
}

function Get-WaitFile {
    # The files of what waits, each by its name without the extension.
    $place = Get-Place
    $found = @{}
    if ([IO.Directory]::Exists($place)) {
        foreach ($file in [IO.Directory]::GetFiles($place, '*.json')) {
            $name = [IO.Path]::GetFileNameWithoutExtension($file)
            if ($name -match $WaitName) { $found[$name] = $file }
        }
    }
    $found
}

function Get-ImLogonState {
    # What stands: script (its SHA-256, nothing without one), task (none, wished, other), waits (name -> content).
    $waits = @{}
    $files = Get-WaitFile
    foreach ($name in $files.Keys) { $waits[$name] = ConvertTo-ImContent ([IO.File]::ReadAllBytes($files[$name])) }
    $script = $null
    if ([IO.File]::Exists((Get-ScriptPath))) { $script = Get-ImDigest ([IO.File]::ReadAllBytes((Get-ScriptPath))) }
    # Nobody is asked for a task where nothing of ours ever stood.
    $state = if ($script -or $waits.Count) { Get-TaskState } else { 'none' }
    @{ script = $script; task = $state; waits = $waits }
}

function Set-Wait {
    # Make a text what waits for a SID, or for anybody; nothing waits when it is empty. Returns whether that is new.
    param([string]$Name, [string]$Text, [bool]$Check)
    if ($Name -notmatch $WaitName) { throw (New-ImTrouble 'bad_request' "'$Name' is neither a SID of a person nor anybody") }
    $place = Get-Place
    $file = [IO.Path]::Combine($place, "$Name.json")
    $there = [IO.File]::Exists($file)
    $data = [Text.Encoding]::UTF8.GetBytes($Text)
    if (-not $data.Length) {
        if ($there -and -not $Check) { [IO.File]::Delete($file) }
        return $there
    }
    if ($there -and (Get-ImDigest ([IO.File]::ReadAllBytes($file))) -eq (Get-ImDigest $data)) { return $false }
    if ($Check) { return $true }
    if (-not [IO.Directory]::Exists($place)) {
        $null = [IO.Directory]::CreateDirectory($place)
        Set-ImAccess $place $PlaceAccess
    }
    Write-ImWhole $file $data
    $reader = if ($Name -eq 'anybody') { 'BU' } else { $Name }
    Set-ImAccess $file "D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x120089;;;$reader)"
    $true
}

function Set-Task {
    # Have script and task as they are to be where something waits. Returns whether they were not.
    param([string]$Script, [bool]$Check)
    $data = [Text.Encoding]::UTF8.GetBytes($Script)
    $file = Get-ScriptPath
    $changed = -not [IO.File]::Exists($file) -or (Get-ImDigest ([IO.File]::ReadAllBytes($file))) -ne (Get-ImDigest $data)
    if ($changed -and -not $Check) {
        $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($file))
        Write-ImWhole $file $data
    }
    if ((Get-TaskState) -eq 'wished') { return $changed }
    if (-not $Check) { Register-ImTask $TaskName }
    $true
}

function Clear-Task {
    # Take task, script and folder away, the task first. Returns whether there was any.
    param([bool]$Check)
    $registered, $file, $place = ((Get-TaskState) -ne 'none'), (Get-ScriptPath), (Get-Place)
    $changed = $registered -or [IO.File]::Exists($file) -or [IO.Directory]::Exists($place)
    if ($Check) { return $changed }
    if ($registered) { Unregister-ImTask $TaskName }
    if ([IO.File]::Exists($file)) { [IO.File]::Delete($file) }
    if ([IO.Directory]::Exists($place)) { [IO.Directory]::Delete($place, $true) }
    $changed
}

function Set-ImLogon {
    # Make Waits (each name, text) what waits, and have script and task as long as anything does. Returns whether
    # anything changed.
    param([object[]]$Waits, [string]$Script, [bool]$Check)
    $left = Get-WaitFile
    $changed = $false
    foreach ($one in $Waits) {
        if (Set-Wait $one.name $one.text $Check) { $changed = $true }
        if ($one.text) { $left[$one.name] = '' } else { $left.Remove($one.name) }
    }
    $more = if ($left.Count) { Set-Task $Script $Check } else { Clear-Task $Check }
    $changed -or $more
}

Export-ModuleMember -Function *-Im*
