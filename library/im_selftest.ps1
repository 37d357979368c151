#!powershell

# The Windows half of library/im_selftest.py, where both are documented. A line calls the functions of the product
# themselves, over this PC; what it returns are truths, numbers, codes and versions, and no text that somebody wrote.

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWire
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWindows
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTree
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImRunning
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImChange
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImLogon
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWinget

$spec = @{
    options = @{
        lines = @{ type = 'list'; elements = 'str'; required = $true }
        clients = @{ type = 'dict'; default = @{} }
        logins = @{ type = 'list'; elements = 'str'; default = @() }
        connection = @{ type = 'str'; default = '' }
        echo = @{ type = 'str'; default = '' }
        link = @{ type = 'str'; default = '' }
        authority = @{ type = 'str'; default = '' }
        change = @{ type = 'bool'; default = $false }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$module.Result.changed = $false
$clients = $module.Params.clients
foreach ($name in @($clients.Keys)) {
    # As "%ProgramFiles%/...": no drive is taken for granted.
    $place = [Environment]::ExpandEnvironmentVariables([string]$clients[$name].program)
    $clients[$name].program = $place.Replace('/', [IO.Path]::DirectorySeparatorChar)
}
$known = @{ own = $null; programs = $null; profiles = $null; names = $null }

# -- what lines share

function New-Finding {
    # What became of a line. Reason: a code of module_utils/im_selftest.py. Seen: name -> truth, number or text.
    param([string]$Verdict, [string]$Reason = '', [object]$Seen = @{})
    @{ verdict = $Verdict; reason = $Reason; seen = $Seen }
}

function New-Skip {
    # An exception for a line that cannot be asked here.
    param([string]$Reason, [object]$Seen = @{})
    $skip = New-Object -TypeName System.Exception -ArgumentList $Reason
    $skip.Data['skip'] = @{ reason = $Reason; seen = $Seen }
    $skip
}

function Confirm-Seen {
    # Proved if all that is named was seen to be true.
    param([object]$Seen, [string[]]$Names)
    $wrong = @($Names | Where-Object { $Seen[$_] -ne $true })
    New-Finding $(if ($wrong.Count) { 'disproved' } else { 'proved' }) '' $Seen
}

function Use-Workspace {
    # Call a line with a new folder of its own, which goes with all that is in it.
    param([scriptblock]$Line)
    if ($module.CheckMode) { throw (New-Skip 'check_mode') }
    $folder = [IO.Path]::Combine($env:TEMP, 'im-client-selftest-' + [guid]::NewGuid().ToString('N'))
    $null = [IO.Directory]::CreateDirectory($folder)
    try { & $Line $folder }
    finally {
        try { [IO.Directory]::Delete($folder, $true) } catch { $module.Result.changed = $true }  # it is left behind
    }
}

function Get-Own {
    # The account of this process by another witness than ours: name and sid, of whoami.exe.
    if ($null -eq $known.own) {
        $known.own = try {
            $said = (Invoke-ImProgram 'whoami.exe' @('/user', '/fo', 'csv', '/nh') 30).output
            @{ name = [regex]::Match($said, '^"([^"]*)"').Groups[1].Value; sid = [regex]::Match($said, 'S-1-[0-9-]+').Value }
        }
        catch { @{ name = ''; sid = '' } }
    }
    if (-not $known.own.sid) { throw (New-Skip 'no_second_witness') }
    $known.own
}

function Get-Profiles {
    if ($null -eq $known.profiles) { $known.profiles = Get-ImProfile }
    $known.profiles
}

function Get-Programs {
    if ($null -eq $known.programs) { $known.programs = @(Get-ImProgramList) }
    , $known.programs
}

function Get-Tree {
    # The tree of a profile for the functions of the product.
    param([string]$Sid, [string]$Folder)
    @{ login = 'selftest'; sid = $Sid; home = $Folder; budget = 1MB }
}

function Hide-Identity {
    # A text of another program without names, identifiers and folders of people.
    param([object]$Text)
    if ($null -eq $known.names) {
        $found = @($env:COMPUTERNAME, $env:USERNAME, $env:USERDOMAIN, $env:USERDNSDOMAIN) + $module.Params.logins
        try { $found += @((Get-Profiles).Values | ForEach-Object { [IO.Path]::GetFileName($_) }) } catch { $null = $_ }
        # Longest first: a name may hold another.
        $known.names = @($found | Where-Object { $_ } | Sort-Object -Unique | Sort-Object -Property Length -Descending)
    }
    $shown = [string]$Text -replace 'S-1-(5-21|12-1)-[0-9-]+', '<sid>' -replace '(?i)([\\/]Users[\\/])[^\\/]+', '$1<name>'
    foreach ($name in $known.names) { $shown = $shown -replace "(?i)(?<!\w)$([regex]::Escape($name))(?!\w)", '<name>' }
    if ($shown.Length -gt 160) { $shown.Substring(0, 160) } else { $shown }
}

function Get-CodeOf {
    # The code of the trouble that a piece of the product meets; nothing when it meets none.
    param([scriptblock]$Piece)
    try { $null = & $Piece; '' } catch { (Get-ImTrouble $_ '').code }
}

# -- this shell and its connection

function Test-Connection {
    # What was sent is what arrived. The control node compares the digest that goes back.
    param([string]$Name)
    $seen = @{ connection = $module.Params.connection; digest = Get-ImTextDigest $module.Params.echo; length = $module.Params.echo.Length }
    if ($module.Params.connection -ne $Name) { throw (New-Skip 'other_connection' $seen) }
    New-Finding 'proved' '' $seen
}

function Test-Shell {
    $framework = Get-ItemProperty -LiteralPath 'HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full' -ErrorAction SilentlyContinue
    $release = [int](Get-ImValue $framework 'Release')
    $version = $PSVersionTable.PSVersion
    $seen = @{
        powershell = "$($version.Major).$($version.Minor)"
        language_mode = [string]$ExecutionContext.SessionState.LanguageMode
        framework_release = $release
        new_enough = $version -ge [version]'5.1'
        whole_language = [string]$ExecutionContext.SessionState.LanguageMode -eq 'FullLanguage'
        framework_4_8 = $release -ge 528040
    }
    Confirm-Seen $seen @('new_enough', 'whole_language', 'framework_4_8')
}

function Test-Bits {
    # A process of 32 bits would be shown other folders and another half of the registry.
    $other = [Environment]::GetEnvironmentVariable('ProgramFiles(x86)')
    $seen = @{
        windows_64 = [Environment]::Is64BitOperatingSystem
        process_64 = [Environment]::Is64BitProcess
        program_files_x86 = [bool]$other -and [IO.Directory]::Exists($other)
        architecture = [string]$env:PROCESSOR_ARCHITECTURE
    }
    Confirm-Seen $seen @('windows_64', 'process_64', 'program_files_x86')
}

function Test-Recording {
    # Policies by which Windows keeps what a script is given.
    $seen = @{}
    foreach ($top in 'PowerShell', 'PowerShellCore') {
        foreach ($policy in @{ ModuleLogging = 'EnableModuleLogging'; ScriptBlockLogging = 'EnableScriptBlockLogging'; Transcription = 'EnableTranscripting' }.GetEnumerator()) {
            $values = Get-ItemProperty -LiteralPath "HKLM:\SOFTWARE\Policies\Microsoft\Windows\$top\$($policy.Key)" -ErrorAction SilentlyContinue
            $seen["${top}_$($policy.Key)_off"] = [int](Get-ImValue $values $policy.Value) -eq 0
        }
    }
    Confirm-Seen $seen @($seen.Keys)
}

# -- ImNative, function by function

function Test-Administrator {
    $groups = (Invoke-ImProgram 'whoami.exe' @('/groups', '/fo', 'csv', '/nh') 30).output
    $null = Get-Own
    $seen = @{
        answer = [bool](Test-ImAdministrator)
        in_the_group = $groups.Contains('S-1-5-32-544')
        high_integrity = $groups -match 'S-1-16-(12288|16384)'
    }
    Confirm-Seen $seen @('answer', 'in_the_group', 'high_integrity')
}

function Test-System {
    # Asked as SYSTEM.
    Confirm-Seen @{ answer = [bool](Test-ImSystem); whoami_says_so = (Get-Own).sid -eq 'S-1-5-18' } @('answer', 'whoami_says_so')
}

function Test-Sid {
    $own = Get-Own
    $seen = @{
        own_name_to_own_sid = (Resolve-ImSid $own.name) -eq $own.sid
        unknown_name_is_nothing = $null -eq (Resolve-ImSid ('nobody-' + [guid]::NewGuid().ToString('N').Substring(0, 12)))
    }
    Confirm-Seen $seen @('own_name_to_own_sid', 'unknown_name_is_nothing')
}

function Test-Security {
    Use-Workspace {
        param($Folder)
        Set-ImAccess $Folder 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'
        $file = [IO.Path]::Combine($Folder, 'file')
        [IO.File]::WriteAllText($file, '')
        $said = Get-ImSecurity $file
        $seen = @{
            owner_first = $said -match '^O:(S-1-[0-9-]+|[A-Z]{2})(?=[GD]:)'
            system = $said.Contains(';;;SY)')
            administrators = $said.Contains(';;;BA)')
            entries_are_inherited = @([regex]::Matches($said, '\(A;([A-Z]*);') | Where-Object { $_.Groups[1].Value -notmatch 'ID' }).Count -eq 0
            nobody_else = @([regex]::Matches($said, ';;;([^)]*)\)') | Where-Object { $_.Groups[1].Value -notin @('SY', 'BA') }).Count -eq 0
        }
        Confirm-Seen $seen @($seen.Keys)
    }
}

function Test-Owner {
    # Whose a new file of ours is: ours, or the administrators', by a policy of Windows.
    Use-Workspace {
        param($Folder)
        $owner = Get-ImOwner $Folder
        $own = (Get-Own).sid
        $seen = @{ a_sid = $owner -match '^S-1-'; ours_or_the_administrators = Test-ImRightfulOwner $owner $own }
        Confirm-Seen $seen @($seen.Keys)
    }
}

function Get-Somebody {
    # Somebody else than we to whom a file can be given: a person with a profile here, else SYSTEM.
    $own = $null
    try { $own = (Get-Own).sid } catch { $null = $_ }
    $people = @((Get-Profiles).Keys | Where-Object { $_ -ne $own } | Sort-Object)
    if ($people.Count) { $people[0] } else { 'S-1-5-18' }
}

function Test-StreamOwner {
    # Of a file that is somebody else's; by its name another function tells the same.
    Use-Workspace {
        param($Folder)
        $sid, $path = (Get-Somebody), [IO.Path]::Combine($Folder, 'file')
        (New-ImFile $path $sid).Dispose()
        $file = [IO.File]::Open($path, [IO.FileMode]::Open, [IO.FileAccess]::Read, [IO.FileShare]'ReadWrite, Delete')
        try { $owner = Get-ImStreamOwner $file } finally { $file.Dispose() }
        $seen = @{ given_to_a_person = $sid -ne 'S-1-5-18'; as_wished = $owner -eq $sid; as_by_its_name = $owner -eq (Get-ImOwner $path) }
        Confirm-Seen $seen @('as_wished', 'as_by_its_name')
    }
}

function Test-NewFile {
    # A new file is somebody's before anybody else can open it.
    Use-Workspace {
        param($Folder)
        Set-ImAccess $Folder 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'
        $sid, $path = (Get-Somebody), [IO.Path]::Combine($Folder, 'file')
        $file = New-ImFile $path $sid
        try {
            $file.WriteByte(120)
            $kept = Get-CodeOf { [IO.File]::OpenRead($path).Dispose() }
        }
        finally { $file.Dispose() }
        $seen = @{
            given_to_a_person = $sid -ne 'S-1-5-18'
            owner_is_as_wished = (Get-ImOwner $path) -eq $sid
            kept_for_us_while_open = [bool]$kept
            written = [IO.File]::ReadAllText($path) -eq 'x'
            inherits = @([regex]::Matches((Get-ImSecurity $path), '\(A;([A-Z]*);') | Where-Object { $_.Groups[1].Value -notmatch 'ID' }).Count -eq 0
            never_over_another = [bool](Get-CodeOf { (New-ImFile $path $sid).Dispose() })
        }
        Confirm-Seen $seen @($seen.Keys | Where-Object { $_ -ne 'given_to_a_person' })
    }
}

function Test-NewFolder {
    # A new folder is the administrators' alone; one that stands there already is left as it is.
    Use-Workspace {
        param($Folder)
        $path, $alone = [IO.Path]::Combine($Folder, 'private'), '(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'
        New-ImFolder $path "O:BAD:PAI$alone"
        $first = Get-ImSecurity $path
        New-ImFolder $path "O:BAD:PAI$alone(A;OICI;FA;;;BU)"
        $seen = @{
            as_wished = $first -match "^O:BA.*D:P(AI)?$([regex]::Escape($alone))$"
            one_that_is_there_stays = (Get-ImSecurity $path) -eq $first
        }
        Confirm-Seen $seen @($seen.Keys)
    }
}

function Test-Access {
    Use-Workspace {
        param($Folder)
        $owner = Get-ImOwner $Folder
        Set-ImAccess $Folder 'D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'
        $said = Get-ImSecurity $Folder
        $seen = @{
            as_wished = $said -match 'D:P(AI)?\(A;OICI;FA;;;SY\)\(A;OICI;FA;;;BA\)$'
            owner_stayed = (Get-ImOwner $Folder) -eq $owner
        }
        Confirm-Seen $seen @($seen.Keys)
    }
}

function Test-Unpacker {
    # It gives a program the folder as the last word, with its spaces and without quotes, waits, and knows how it ended.
    Use-Workspace {
        param($Folder)
        $program, $typed = [IO.Path]::Combine($Folder, 'unpack.cmd'), [IO.Path]::Combine($Folder, 'typed.txt')
        # To cmd.exe, what begins with a colon is a label.
        $lines = ':; printf "%s" "$*" > "${0%/*}/typed.txt"; exit 7', '@echo %*>"%~dp0typed.txt"', '@exit 7'
        [IO.File]::WriteAllText($program, ($lines -join "`n") + "`n")
        $code = Invoke-ImUnpacker $program 'C:\Program Files\x' 60
        $said = if ([IO.File]::Exists($typed)) { [IO.File]::ReadAllText($typed).Trim() }
        Confirm-Seen @{ code = $code -eq 7; words = $said -eq '/S /D=C:\Program Files\x' } @('code', 'words')
    }
}

function Test-ExitCode {
    # Codes of winget are 32 bits with the highest one set.
    $ended = Invoke-ImProgram 'cmd.exe' @('/c', 'exit', '-1978335189') 30
    $seen = @{ told = [string]$ended.code; as_it_was = $ended.code -eq -1978335189; understood = (Resolve-ImWingetCode $ended.code) -eq 'unchanged' }
    Confirm-Seen $seen @('as_it_was', 'understood')
}

# -- the PC

function Test-UninstallKey {
    $seen = @{}
    foreach ($view in @{ view_64 = 'HKLM:\SOFTWARE'; view_32 = 'HKLM:\SOFTWARE\WOW6432Node' }.GetEnumerator()) {
        $top = "$($view.Value)\Microsoft\Windows\CurrentVersion\Uninstall"
        $seen[$view.Key] = Test-Path -LiteralPath $top
        $seen["$($view.Key)_programs"] = if ($seen[$view.Key]) { @(Get-ChildItem -LiteralPath $top).Count } else { 0 }
    }
    $needed, $here = @('view_64', 'view_32'), 0
    foreach ($name in $clients.Keys) {
        $found = @(Select-ImProgram (Get-Programs) $clients[$name].product)
        $laid = [bool]$clients[$name].program -and [IO.File]::Exists($clients[$name].program)
        if (-not $laid -and -not $found.Count) { continue }
        $here++
        $seen["${name}_at_its_place"], $seen["${name}_in_the_registry"] = $laid, [bool]$found.Count
        $seen["${name}_says_its_version"] = $found.Count -gt 0 -and $null -ne ($found[0].version -as [version])
        if ($found.Count) { $seen["${name}_version"] = Hide-Identity $found[0].version }
        $needed += @("${name}_at_its_place", "${name}_in_the_registry", "${name}_says_its_version")
    }
    $finding = Confirm-Seen $seen $needed
    if ($finding.verdict -eq 'proved' -and -not $here) { throw (New-Skip 'not_installed' $seen) }
    $finding
}

function Test-Profile {
    $seen = @{ profiles = 0; folder_there = 0; owner_as_wished = 0; roaming_there = 0; seats = 0; seats_served = 0 }
    foreach ($sid in (Get-Profiles).Keys) {
        $folder = (Get-Profiles)[$sid]
        $seen.profiles++
        if (-not [IO.Directory]::Exists($folder)) { continue }
        $seen.folder_there++
        if (Test-ImRightfulOwner (Get-ImOwner $folder) $sid) { $seen.owner_as_wished++ }
        if ([IO.Directory]::Exists([IO.Path]::Combine($folder, 'AppData', 'Roaming'))) { $seen.roaming_there++ }
        foreach ($name in $clients.Keys) {
            $place = [IO.Path]::Combine($folder, [string]$clients[$name].profile)
            if ($clients[$name].profile -and [IO.Directory]::Exists($place)) { $seen["${name}_profiles"] = [int]$seen["${name}_profiles"] + 1 }
        }
    }
    foreach ($login in $module.Params.logins) {
        $seen.seats++
        $code = Get-CodeOf { New-ImTree $login (Get-Profiles) }
        if ($code) { $seen["seats_$code"] = [int]$seen["seats_$code"] + 1 } else { $seen.seats_served++ }
    }
    if (-not $seen.profiles) { throw (New-Skip 'no_profile' $seen) }
    $asWished = $seen.folder_there -eq $seen.profiles -and $seen.owner_as_wished -eq $seen.profiles -and $seen.roaming_there -eq $seen.profiles
    New-Finding $(if ($asWished) { 'proved' } else { 'disproved' }) '' $seen
}

function Test-Redirection {
    # Only the registry of those who are logged on is loaded.
    $seen = @{ logged_on = 0; told = 0; in_the_profile = 0 }
    foreach ($sid in (Get-Profiles).Keys) {
        if (-not (Test-Path -LiteralPath "Registry::HKEY_USERS\$sid")) { continue }
        $seen.logged_on++
        $told = Get-ImRoaming $sid (Get-Profiles)[$sid]
        if (-not $told) { continue }
        $seen.told++
        if ($told.usual) { $seen.in_the_profile++ }
    }
    if (-not $seen.logged_on) { throw (New-Skip 'nobody_logged_on' $seen) }
    New-Finding $(if ($seen.logged_on -eq $seen.in_the_profile) { 'proved' } else { 'disproved' }) '' $seen
}

function New-Wish {
    # A group of one file, as the control node sends it.
    param([string]$Run, [string]$Text, [object]$Before)
    $content = ConvertTo-ImContent ([Text.Encoding]::UTF8.GetBytes($Text))
    $file = @{ path = 'AppData/Roaming/im selftest/file'; content = $content; before = $Before; mode = $null; dir_mode = $null }
    @{ key = 'selftest'; login = 'selftest'; run_id = $Run; processes = @(); locks = @(); open_files = @(); memory = $null; restores = $null; files = @($file) }
}

function Test-Right {
    # The product's own writing, in a folder that has the access list of a profile.
    Use-Workspace {
        param($Folder)
        $sid = Get-Somebody
        $profile_, $state = [IO.Path]::Combine($Folder, 'profile'), [IO.Path]::Combine($Folder, 'state')
        $null = [IO.Directory]::CreateDirectory($profile_)
        Set-ImAccess $profile_ "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;$sid)"
        $tree = Get-Tree $sid $profile_
        $place = [IO.Path]::Combine($profile_, 'AppData', 'Roaming', 'im selftest')
        $file = [IO.Path]::Combine($place, 'file')
        $first = Write-ImGroup $tree (New-Wish 'one' 'first' $null) @() $false $state
        $seen = @{ given_to_a_person = $sid -ne 'S-1-5-18'; laid = $first.state -eq 'written' }
        if (-not $seen.laid) {
            $seen.trouble = [string]$first.error.code
            return New-Finding 'disproved' '' $seen
        }
        $seen.owner_of_the_new_file = (Get-ImOwner $file) -eq $sid
        # SDDL has letters for accounts of Windows, SYSTEM among them.
        $inherited = ";[A-Z]*ID[A-Z]*;FA;;;($sid|SY)\)"
        $seen.inherits, $seen.new_folder_inherits = ((Get-ImSecurity $file) -match $inherited), ((Get-ImSecurity $place) -match $inherited)
        Set-ImAccess $file "D:PAI(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;$sid)"
        $before = [regex]::Match((Get-ImSecurity $file), 'D:.*').Value
        $second = Write-ImGroup $tree (New-Wish 'two' 'second' (Get-ImTextDigest 'first')) @() $false $state
        $seen.replaced = $second.state -eq 'written' -and [IO.File]::ReadAllText($file) -eq 'second'
        $seen.owner_after_replacement = (Get-ImOwner $file) -eq $sid
        $seen.access_list_after_replacement = [regex]::Match((Get-ImSecurity $file), 'D:.*').Value -eq $before
        $seen.nothing_left_beside = @([IO.Directory]::GetFileSystemEntries($place)).Count -eq 1
        $seen.backup_is_private = -not (Get-ImSecurity $state).Contains($sid) -or $sid -eq 'S-1-5-18'
        Confirm-Seen $seen @($seen.Keys | Where-Object { $_ -ne 'given_to_a_person' })
    }
}

function Test-Junction {
    Use-Workspace {
        param($Folder)
        $aim, $junction = [IO.Path]::Combine($Folder, 'aim'), [IO.Path]::Combine($Folder, 'junction')
        $null = [IO.Directory]::CreateDirectory($aim)
        [IO.File]::WriteAllText([IO.Path]::Combine($aim, 'file'), '')
        $made = Invoke-ImProgram 'cmd.exe' @('/c', 'mklink', '/J', $junction, $aim) 30
        if ($made.code -ne 0 -or -not [IO.Directory]::Exists($junction)) { throw (New-Skip 'no_junction' @{ exit_code = [string]$made.code }) }
        try {
            $tree = Get-Tree '' $Folder
            $code = Get-CodeOf { Find-ImSpot $tree @('junction', 'file') }
            $plain = Get-CodeOf { Find-ImSpot $tree @('aim', 'file') }
        }
        finally { [IO.Directory]::Delete($junction) }  # the junction, not what it leads to
        $seen = @{ refused_as = $code; refused = $code -eq 'link'; plain_folder_is_not = $plain -eq ''; aim_stayed = [IO.File]::Exists([IO.Path]::Combine($aim, 'file')) }
        Confirm-Seen $seen @('refused', 'plain_folder_is_not', 'aim_stayed')
    }
}

function Test-ProcessOwner {
    # This very process, as the product sees processes.
    $own = (Get-Own).sid
    $process = [System.Diagnostics.Process]::GetCurrentProcess()
    $found = @(Get-ImProcess @("$($process.ProcessName).exe") | Where-Object { $_.pid -eq $process.Id })
    $seen = @{ listed = $found.Count -eq 1; owner_is_told = $found.Count -eq 1 -and $found[0].sid -eq $own }
    Confirm-Seen $seen @($seen.Keys)
}

function Test-Lock {
    # A file that a program keeps for itself, as Thunderbird does.
    Use-Workspace {
        param($Folder)
        $file = [IO.Path]::Combine($Folder, 'kept.lock')
        $task = @{ processes = @(); locks = @('*.lock'); open_files = @() }
        $tree = Get-Tree '' $Folder
        $keeper = [IO.File]::Open($file, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write, [IO.FileShare]::None)
        try { $kept = @(Get-ImSign $tree $task @()).Count } finally { $keeper.Dispose() }
        $seen = @{ kept_is_seen = $kept -eq 1; free_is_seen = @(Get-ImSign $tree $task @()).Count -eq 0 }
        Confirm-Seen $seen @($seen.Keys)
    }
}

function Test-RunningClient {
    # The clients that run now, under the names and locks by which the product knows them.
    $seen, $wrong, $running = @{}, 0, 0
    foreach ($name in $clients.Keys) {
        $processes = @($clients[$name].processes | Where-Object { $_ })
        $task = @{ processes = $processes; locks = @(); open_files = @() }
        $all = Get-ImSeen @($task)
        $people = @($all | Where-Object { $_ -and (Get-Profiles).ContainsKey([string]$_.sid) } | ForEach-Object { $_.sid } | Sort-Object -Unique)
        # One that runs under a name that we do not know is what this line is to find.
        $alike = @(Get-CimInstance -ClassName Win32_Process -Filter "Name LIKE '%$name%'" -Property ProcessId, Name).Count
        if (-not $people.Count -and -not $alike) { continue }
        $running++
        $seen["${name}_people"], $seen["${name}_unknown"] = $people.Count, [Math]::Max(0, $alike - @($all | Where-Object { $_ }).Count)
        if (-not $people.Count) { $wrong++ }
        $locks = @($clients[$name].locks | Where-Object { $_ } | ForEach-Object { "$($clients[$name].profile)/$_".Replace('\', '/') })
        if (-not $locks.Count) { continue }
        $task = @{ processes = @(); locks = $locks; open_files = @() }
        $held = @($people | Where-Object { @(Get-ImSign (Get-Tree $_ (Get-Profiles)[$_]) $task @()).Count }).Count
        $seen["${name}_locks"] = $held
        if ($held -ne $people.Count) { $wrong++ }
    }
    if (-not $running) { throw (New-Skip 'no_client_runs') }
    New-Finding $(if ($wrong) { 'disproved' } else { 'proved' }) '' $seen
}

function Test-Section {
    # Its installer notes the hash of its folder, the one that names a section of profiles.ini, in the registry.
    $wished = $clients.thunderbird
    if (-not $wished -or -not [IO.File]::Exists([string]$wished.program)) { throw (New-Skip 'not_installed') }
    $folder = [string]$wished.folder
    $found = @(foreach ($view in 'HKLM:\SOFTWARE', 'HKLM:\SOFTWARE\WOW6432Node') {
            $noted = Get-ItemProperty -LiteralPath "$view\Mozilla\Thunderbird\TaskBarIDs" -ErrorAction SilentlyContinue
            [string](Get-ImValue $noted $folder)
        }) | Where-Object { $_ }
    if (-not $found) { throw (New-Skip 'not_noted') }
    $noted = Hide-Identity @($found)[0]
    Confirm-Seen @{ noted = $noted; computed = [string]$wished.section; same = $noted -eq $wished.section } @('same')
}

function Test-Autostart {
    # Windows reads a shortcut of ours. That it is followed at a logon, somebody has to see.
    Use-Workspace {
        param($Folder)
        $file = [IO.Path]::Combine($Folder, 'link.lnk')
        [IO.File]::WriteAllBytes($file, [Convert]::FromBase64String($module.Params.link))
        try { $shell = New-Object -ComObject WScript.Shell } catch { throw (New-Skip 'no_shell') }
        $read = $shell.CreateShortcut($file)
        $wished = [Environment]::ExpandEnvironmentVariables('%SystemRoot%\System32\cmd.exe')
        $seen = @{
            target_is_found = [Environment]::ExpandEnvironmentVariables([string]$read.TargetPath) -eq $wished
            arguments_are_read = [string]$read.Arguments -eq '/c exit'
        }
        $needed = @($seen.Keys)
        # Of those who are logged on, as where application data are.
        $seen.logged_on, $seen.usual_startup_folder = 0, 0
        foreach ($sid in (Get-Profiles).Keys) {
            $folders = Get-ImShellFolder $sid
            if (-not $folders) { continue }
            $seen.logged_on++
            if ([string]$folders.startup -like '*\AppData\Roaming\Microsoft\Windows\Start Menu\Programs\Startup') { $seen.usual_startup_folder++ }
        }
        $finding = Confirm-Seen $seen $needed
        if ($seen.logged_on -ne $seen.usual_startup_folder) { $finding.verdict = 'disproved' }
        $finding
    }
}

function Test-Portable {
    # What upstream's unpacker laid for the PC without a screen, and what people got of it.
    $kept = [IO.Path]::Combine($env:ProgramFiles, 'im_client', 'portable')
    $copies = @(if ([IO.Directory]::Exists($kept)) { [IO.Directory]::GetDirectories($kept, 'Gajim-*') })
    if (-not $copies.Count) { throw (New-Skip 'not_installed') }
    $has = { param($Names) @($copies | Where-Object { [IO.File]::Exists([IO.Path]::Combine($_, 'bin', $Names)) }).Count -eq $copies.Count }
    $laid = @((Get-Profiles).Values | ForEach-Object { [IO.Path]::Combine($_, 'Gajim') } | Where-Object { [IO.File]::Exists([IO.Path]::Combine($_, 'bin', 'im-client.txt')) })
    $seen = @{
        copies = $copies.Count
        program_there = & $has 'Gajim.exe'
        ended_by_its_last_file = & $has 'is_portable'
        homes_with_it = $laid.Count
        homes_with_user_data = @($laid | Where-Object { [IO.File]::Exists([IO.Path]::Combine($_, 'UserData', 'settings.sqlite')) }).Count
    }
    Confirm-Seen $seen @('program_there', 'ended_by_its_last_file')
}

function Test-FirstLogon {
    # The Task Scheduler takes a task of a group that starts at each logon, and gives it back as it was meant. It is the
    # product's own, but disabled and under another name: what a site has registered stays as it is.
    if (-not $module.Params.change) { throw (New-Skip 'needs_change') }
    if ($module.CheckMode) { throw (New-Skip 'check_mode') }
    if (-not (Get-Command -Name Register-ScheduledTask -ErrorAction SilentlyContinue)) { throw (New-Skip 'no_tasks') }
    $name = 'selftest ' + [guid]::NewGuid().ToString('N')
    Register-ImTask $name -Disabled
    try { $told = Get-ImTaskGist (Get-ImTask $name) } finally { Unregister-ImTask $name }
    $wished = Get-ImTaskGist (Get-ImTaskText -Disabled)
    $seen = @{
        at_each_logon = $told.logons -eq 1
        of_a_group = $told.groups -eq 1
        of_nobody_alone = $told.users -eq 0
        command_stays = $told.command -ceq $wished.command -and $told.arguments -ceq $wished.arguments
        gone = -not (Get-ImTask $name)
    }
    if (-not $seen.gone) { $module.Result.changed = $true }
    Confirm-Seen $seen @($seen.Keys)
}

function Test-Trust {
    # An authority that ended long ago and whose key nobody has, into the PC's store and out again.
    if (-not $module.Params.change) { throw (New-Skip 'needs_change') }
    Use-Workspace {
        param($Folder)
        $file = [IO.Path]::Combine($Folder, 'authority.crt')
        [IO.File]::WriteAllText($file, $module.Params.authority)
        $bytes = [Text.Encoding]::ASCII.GetBytes($module.Params.authority)
        $print = (New-Object -TypeName System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList (, $bytes)).Thumbprint
        $typed = { param($Words) (Invoke-ImProgram 'certutil.exe' $Words 60).code }
        $seen = @{ not_there_before = (& $typed @('-store', 'Root', $print)) -ne 0 }
        if (-not $seen.not_there_before) { return New-Finding 'not_asked' 'already_there' $seen }
        $seen.added = (& $typed @('-f', '-addstore', 'Root', $file)) -eq 0
        $seen.stands_in_the_store = (& $typed @('-store', 'Root', $print)) -eq 0
        $seen.taken_out = (& $typed @('-delstore', 'Root', $print)) -eq 0
        $seen.gone = (& $typed @('-store', 'Root', $print)) -ne 0
        if (-not $seen.gone) { $module.Result.changed = $true }
        $names = @($seen.Keys)
        $authorities = [string]$clients.pidgin.authorities
        if ($authorities -and [IO.File]::Exists([string]$clients.pidgin.program)) {
            $seen.pidgin_has_its_folder = [IO.Directory]::Exists([Environment]::ExpandEnvironmentVariables($authorities))
            $names += 'pidgin_has_its_folder'
        }
        Confirm-Seen $seen $names
    }
}

# -- installers, asked when the kit has run them

function Get-Fresh {
    # The clients that the kit has installed.
    if (-not $module.Params.change) { throw (New-Skip 'needs_change') }
    if ($module.CheckMode) { throw (New-Skip 'check_mode') }
    @($clients.Keys | Where-Object { $clients[$_].fresh } | Sort-Object)
}

function Get-Marker {
    # A file of ours beside policies.json, whose folder an upgrade must leave.
    [IO.Path]::Combine([IO.Path]::GetDirectoryName([string]$clients.thunderbird.program), 'distribution', 'im-selftest')
}

function Test-French {
    # What a silent installation in French leaves behind.
    param([string]$Name, [object]$Program)
    $folder = [IO.Path]::GetDirectoryName([string]$clients[$Name].program)
    switch ($Name) {
        'thunderbird' { [string]$Program.name -match '\bfr\)$' }
        'pidgin' { [IO.File]::Exists([IO.Path]::Combine($folder, 'locale', 'fr', 'LC_MESSAGES', 'pidgin.mo')) }
        default { $true }  # Gajim brings all of its languages
    }
}

function Test-Install {
    $names = @(Get-Fresh)
    if (-not $names.Count) { throw (New-Skip 'no_winget') }
    $seen = @{}
    foreach ($name in $names) {
        $found = @(Select-ImProgram (Get-Programs) $clients[$name].product)
        $seen["${name}_in_the_registry"] = [bool]$found.Count
        $seen["${name}_at_its_place"] = [IO.File]::Exists([string]$clients[$name].program)
        $seen["${name}_in_french"] = $found.Count -gt 0 -and [bool](Test-French $name $found[0])
    }
    $needed = @($seen.Keys)
    foreach ($name in $names) {
        $found = @(Select-ImProgram (Get-Programs) $clients[$name].product)
        if ($found.Count) { $seen["${name}_version"] = Hide-Identity $found[0].version }
    }
    if ($seen.thunderbird_at_its_place) {
        $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName((Get-Marker)))
        [IO.File]::WriteAllText((Get-Marker), '')
    }
    Confirm-Seen $seen $needed
}

function Test-Upgrade {
    $names = @(Get-Fresh)
    $stayed = [IO.File]::Exists((Get-Marker))
    if ($stayed) {
        [IO.File]::Delete((Get-Marker))
        # Empty, unless the installer put something of its own there.
        try { [IO.Directory]::Delete([IO.Path]::GetDirectoryName((Get-Marker))) } catch { $null = $_ }
    }
    if ($names -notcontains 'thunderbird') { throw (New-Skip 'needs_older') }
    $found = @(Select-ImProgram (Get-Programs) $clients.thunderbird.product)
    $seen = @{ folder_of_policies_stayed = $stayed }
    $seen.still_french = $found.Count -gt 0 -and [bool](Test-French 'thunderbird' $found[0])
    if ($found.Count) { $seen.version = Hide-Identity $found[0].version }
    Confirm-Seen $seen @('folder_of_policies_stayed', 'still_french')
}

# -- winget, asked as SYSTEM

function Test-Winget {
    param([string]$Route)
    $found = Find-ImWingetRoute @($Route) 60
    $seen = @{ as_system = [bool](Test-ImSystem); works = $found.name -eq $Route }
    if ($found.program) { $seen.version = Hide-Identity (Invoke-ImProgram $found.program @('--version') 60).output.Trim() }
    if (-not $seen.works) { $seen.why = Hide-Identity $found.refused[0].why }
    Confirm-Seen $seen @('as_system', 'works')
}

function Test-WingetSource {
    # winget fetches its list of packages into SYSTEM's own folder for this.
    if (-not $module.Params.change) { throw (New-Skip 'needs_change') }
    if ($module.CheckMode) { throw (New-Skip 'check_mode') }
    $found = Find-ImWingetRoute @('system') 60
    if (-not $found.name) { throw (New-Skip 'no_winget') }
    $seen = @{}
    foreach ($name in $clients.Keys) {
        $id = [string]$clients[$name].id
        $words = @('show', '--id', $id, '--exact', '--source', 'winget', '--scope', 'machine', '--disable-interactivity', '--accept-source-agreements')
        $ended = Invoke-ImProgram $found.program $words 300
        $seen["${name}_exit_code"] = if ($null -eq $ended.code) { 'no end' } else { '0x' + (ConvertTo-ImHresult $ended.code) }
        $seen["${name}_known"] = $ended.code -eq 0 -and $ended.output.Contains($id)
    }
    Confirm-Seen $seen @($clients.Keys | ForEach-Object { "${_}_known" })
}

# -- the lines

$Lines = @{
    'windows-connection.winrm' = { Test-Connection 'winrm' }
    'windows-connection.psrp' = { Test-Connection 'psrp' }
    'windows-connection.ssh' = { Test-Connection 'ssh' }
    'windows-shell' = { Test-Shell }
    'windows-bits' = { Test-Bits }
    'windows-recording' = { Test-Recording }
    'windows-native.Test-ImAdministrator' = { Test-Administrator }
    'windows-native.Test-ImSystem' = { Test-System }
    'windows-native.Resolve-ImSid' = { Test-Sid }
    'windows-native.Get-ImSecurity' = { Test-Security }
    'windows-native.Get-ImOwner' = { Test-Owner }
    'windows-native.Get-ImStreamOwner' = { Test-StreamOwner }
    'windows-native.New-ImFile' = { Test-NewFile }
    'windows-native.New-ImFolder' = { Test-NewFolder }
    'windows-native.Set-ImAccess' = { Test-Access }
    'windows-native.Get-ImExitCode' = { Test-ExitCode }
    'windows-native.Invoke-ImUnpacker' = { Test-Unpacker }
    'windows-uninstall-keys' = { Test-UninstallKey }
    'windows-profiles' = { Test-Profile }
    'windows-redirection' = { Test-Redirection }
    'windows-rights' = { Test-Right }
    'windows-junction' = { Test-Junction }
    'windows-running.owner' = { Test-ProcessOwner }
    'windows-running.lock' = { Test-Lock }
    'windows-running.clients' = { Test-RunningClient }
    'windows-thunderbird-section' = { Test-Section }
    'windows-autostart' = { Test-Autostart }
    'windows-portable' = { Test-Portable }
    'windows-first-logon' = { Test-FirstLogon }
    'windows-trust' = { Test-Trust }
    'windows-installers.install' = { Test-Install }
    'windows-installers.upgrade' = { Test-Upgrade }
    'windows-winget.system' = { Test-Winget 'system' }
    'windows-winget.client' = { Test-Winget 'client' }
    'windows-winget.source' = { Test-WingetSource }
}

$answers = @{}
foreach ($id in $module.Params.lines) {
    if (-not $Lines.ContainsKey($id)) {
        $answers[$id] = New-Finding 'not_asked' 'unknown_line'
        continue
    }
    try { $answers[$id] = & $Lines[$id] }
    catch {
        $skip = $null
        for ($exception = $_.Exception; $exception; $exception = $exception.InnerException) {
            if ($exception.Data -and $exception.Data.Contains('skip')) { $skip = $exception.Data['skip'] }
        }
        $trouble = Get-ImTrouble $_ 'the line'
        $answers[$id] = if ($skip) { New-Finding 'not_asked' $skip.reason $skip.seen }
        else {
            # Never the message of an exception: it may quote anything.
            $seen = @{ code = [string]$trouble.code; exception = $_.Exception.GetBaseException().GetType().Name }
            $place = [regex]::Match([string]$_.ScriptStackTrace, '\Aat ([\w<>-]+), .*?(\d+)\s*(\n|\z)')
            $seen.at = "$($place.Groups[1].Value) $($place.Groups[2].Value)"
            $seen.hresult = '0x{0:X8}' -f $_.Exception.GetBaseException().HResult
            New-Finding 'disproved' 'threw' $seen
        }
    }
}

$windows = Get-ImWindows
$module.Result.lines = $answers
$module.Result.system = 'Windows'
$module.Result.about = @{
    system = Hide-Identity $windows.name
    version = Hide-Identity "$($windows.major).0.$($windows.build).$($windows.revision)"
    shell = "PowerShell $($PSVersionTable.PSVersion)"
    culture = [Globalization.CultureInfo]::InstalledUICulture.Name
}
# Those that nobody has here: what an installation may be tried with.
$module.Result.absent = @($clients.Keys | Where-Object { -not @(Select-ImProgram (Get-Programs) $clients[$_].product).Count } | Sort-Object)
$module.ExitJson()
