# The PC as our modules see it: its profiles, programs and processes, through the registry drives, CIM and .NET.
# All of it runs in the tests, over a registry file and a faked CIM; what only Windows can answer is in ImNative.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative

$ProfileList = 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList'
$UninstallKeys = @(
    'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall'
    'HKLM:\SOFTWARE\WOW6432Node\Microsoft\Windows\CurrentVersion\Uninstall'
)

function Get-ImValue {
    # A value of a registry key, nothing if it has none of that name: with StrictMode, asking for it would be an error.
    param([object]$Properties, [string]$Name)
    if ($null -eq $Properties) { return }
    $found = $Properties.PSObject.Properties[$Name]
    if ($null -ne $found) { $found.Value }
}

function Get-ImWindows {
    # Which Windows this is: name, major, build.
    $values = Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion' -ErrorAction SilentlyContinue
    $build = [string](Get-ImValue $values 'CurrentBuildNumber')
    $name = [string](Get-ImValue $values 'ProductName')
    # The registry of Windows 11 calls it Windows 10.
    if ([int]($build -replace '\D') -ge 22000) { $name = $name -replace '^Windows 10\b', 'Windows 11' }
    @{ name = $name; major = [string](Get-ImValue $values 'CurrentMajorVersionNumber'); build = $build; revision = [string](Get-ImValue $values 'UBR') }
}

function Get-ImProfile {
    # The profiles of people on this PC: sid -> home. Those of services, temporary and mandatory ones are nobody's.
    $top = Get-ItemProperty -LiteralPath $ProfileList
    $folder = [Environment]::ExpandEnvironmentVariables([string](Get-ImValue $top 'ProfilesDirectory'))
    $found = @{}
    foreach ($key in @(Get-ChildItem -LiteralPath $ProfileList)) {
        $sid = $key.PSChildName
        # Accounts of this PC or a domain, and of Entra ID; "<sid>.bak" is what is left of a broken profile.
        if ($sid -notmatch '^S-1-(5-21|12-1)-[0-9-]+$') { continue }
        $values = Get-ItemProperty -LiteralPath "$ProfileList\$sid"
        $state = [int](Get-ImValue $values 'State')
        $home_ = [Environment]::ExpandEnvironmentVariables([string](Get-ImValue $values 'ProfileImagePath'))
        $temporaryOrMandatory = 0x801
        if (($state -band $temporaryOrMandatory) -ne 0 -or -not $home_) { continue }
        if (-not $home_.StartsWith($folder + [IO.Path]::DirectorySeparatorChar, [StringComparison]::OrdinalIgnoreCase)) { continue }
        $found[$sid] = $home_
    }
    $found
}

function Test-ImProfileKey {
    # Whether Windows has any profile of somebody, of whatever kind and state, even a broken one.
    param([string]$Sid)
    (Test-Path -LiteralPath "$ProfileList\$Sid") -or (Test-Path -LiteralPath "$ProfileList\$Sid.bak")
}

function Get-ImShellFolder {
    # Where Windows keeps folders of somebody, roaming and startup; nothing of who is not logged on, whose registry is
    # not loaded.
    param([string]$Sid)
    $key = "Registry::HKEY_USERS\$Sid\SOFTWARE\Microsoft\Windows\CurrentVersion\Explorer\User Shell Folders"
    if (-not (Test-Path -LiteralPath $key)) { return }
    # Get-ItemProperty would expand %USERPROFILE% to the profile of the account that asks.
    $values = Get-Item -LiteralPath $key
    $asWritten = 'DoNotExpandEnvironmentNames'
    @{ roaming = $values.GetValue('AppData', $null, $asWritten); startup = $values.GetValue('Startup', $null, $asWritten) }
}

function Get-ImRoaming {
    # Where Windows keeps the roaming application data of whose profile is in a folder: place, and whether that is the
    # usual one of the profile, the only one that is served. Nothing when nobody can tell.
    param([string]$Sid, [string]$Folder)
    $folders = Get-ImShellFolder $Sid
    if (-not $folders -or -not $folders.roaming) { return }
    $place = $folders.roaming -replace '%USERPROFILE%', $Folder.Replace('$', '$$')
    @{ place = $place; usual = $place.TrimEnd('\') -eq [IO.Path]::Combine($Folder, 'AppData', 'Roaming') }
}

function Get-ReadValue {
    # A value of an open key of the registry as text, "" if it has none of that name or nobody can read it.
    param([object]$Key, [string]$Name)
    try { [string]$Key.GetValue($Name) } catch { '' }
}

function Get-ImProgramList {
    # The installed programs of both views of the registry, each key, name, version and folder.
    foreach ($top in $UninstallKeys) {
        if (-not (Test-Path -LiteralPath $top)) { continue }
        foreach ($key in @(Get-ChildItem -LiteralPath $top)) {
            # Not Get-ItemProperty: that reads every value, and ends with an InvalidCastException at a REG_DWORD that some
            # installer wrote with 8 bytes (PowerShell#9552).
            @{
                key = $key.PSChildName
                name = Get-ReadValue $key 'DisplayName'
                version = Get-ReadValue $key 'DisplayVersion'
                folder = Get-ReadValue $key 'InstallLocation'
            }
        }
    }
}

function Select-ImProgram {
    # Those of some programs whose key or displayed name is like a pattern.
    param([object[]]$Programs, [string]$Pattern)
    $Programs | Where-Object { $_ -and ($_.key -like $Pattern -or $_.name -like $Pattern) }
}

function Get-ImProcess {
    # The running processes of these names ("pidgin.exe"), each with the SID of its owner.
    param([string[]]$Names)
    if (-not $Names) { return }
    $filter = @($Names | ForEach-Object { "Name = '$($_.Replace('\', '\\').Replace("'", "\'"))'" }) -join ' OR '
    foreach ($process in @(Get-CimInstance -ClassName Win32_Process -Filter $filter -Property ProcessId, Name, Handle)) {
        try { $owner = Invoke-CimMethod -InputObject $process -MethodName GetOwnerSid }
        catch [Microsoft.Management.Infrastructure.CimException] { continue }  # ended meanwhile
        @{ pid = [int]$process.ProcessId; name = [string]$process.Name; sid = [string]$owner.Sid }
    }
}

function ConvertTo-ImArgument {
    # Arguments as one command line, quoted as the C runtime of Microsoft reads them (.NET Framework takes no list).
    param([string[]]$Arguments)
    $quoted = foreach ($argument in $Arguments) {
        if ($argument -ne '' -and $argument -notmatch '[\s"]') { $argument }
        else { '"' + ($argument -replace '(\\*)"', '$1$1\"' -replace '(\\+)$', '$1$1') + '"' }
    }
    @($quoted) -join ' '
}

function Invoke-ImProgram {
    # Run a program to its end and return its code and what it printed; a code of nothing means that it took too long.
    param([string]$Path, [string[]]$Arguments, [int]$Seconds, [string]$Given = '')
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo -ArgumentList $Path, (ConvertTo-ImArgument $Arguments)
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.StandardOutputEncoding = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false
    $process = [System.Diagnostics.Process]::Start($start)
    try {
        # Both at once: a pipe that nobody empties would block the program.
        $printed = $process.StandardOutput.ReadToEndAsync()
        $complained = $process.StandardError.ReadToEndAsync()
        $process.StandardInput.Write($Given)
        $process.StandardInput.Close()
        if (-not $process.WaitForExit($Seconds * 1000)) {
            $process.Kill()
            return @{ code = $null; output = ''; errors = "no end within $Seconds s" }
        }
        $process.WaitForExit()
        @{ code = Get-ImExitCode $process; output = $printed.Result; errors = $complained.Result }
    }
    finally { $process.Dispose() }
}

Export-ModuleMember -Function *-Im*
