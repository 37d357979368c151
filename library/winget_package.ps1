#!powershell

# Documented in winget_package.py, where ansible-doc looks. Returns no texts for people: action_plugins/winget_package.py
# adds them.

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWindows
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWinget
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWire
#AnsibleRequires -Become

$spec = @{
    options = @{
        packages = @{
            type = 'list'
            elements = 'dict'
            required = $true
            options = @{
                id = @{ type = 'str'; required = $true }
                product = @{ type = 'str'; required = $true }
                version = @{ type = 'str' }
                custom = @{ type = 'list'; elements = 'str'; default = @() }
                shortcuts = @{ type = 'list'; elements = 'str'; default = @() }
                shortcuts_kept = @{ type = 'list'; elements = 'str'; default = @() }
            }
        }
        state = @{ type = 'str'; choices = @('present', 'latest', 'absent'); default = 'present' }
        routes = @{ type = 'list'; elements = 'str'; choices = @('system', 'client'); default = @('system', 'client') }
        retries = @{ type = 'int'; default = 10 }
        delay = @{ type = 'int'; default = 30 }
        timeout = @{ type = 'int'; default = 1800 }
        removal_timeout = @{ type = 'int'; default = 120 }
        account = @{ type = 'str'; default = '' }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)

$state = $module.Params.state
$patience = @{ retries = $module.Params.retries; delay = $module.Params.delay; seconds = $module.Params.timeout }
$done = @{ unchanged = 1; newer_installed = 1; installed = 1; reboot = 1; foretold = 1 }
$otherWay = @{ source = 1; no_session = 1; not_seen = 1 }  # reasons of a route, not of the package

function Get-InstalledVersion {
    # The version that the registry has of a package: nothing if it is not installed, "" if it does not say.
    param([hashtable]$Package)
    $programs = @(Select-ImProgram (Get-ImProgramList) $Package.product)
    # An explicit $null: what a function does not return would be serialised as an empty object.
    if ($programs.Count) { $programs[0].version } else { $null }
}

function Get-StrayShortcut {
    # Shortcuts that an installer left in the StartUp folder of the account that ran it, for nobody's use.
    param([hashtable]$Package)
    $windows = $env:SystemRoot
    # A 32-bit installer run as SYSTEM writes below SysWOW64.
    $accounts = @("$windows\System32\config\systemprofile", "$windows\SysWOW64\config\systemprofile")
    if ($installers) { $accounts += $installers }
    $homes = @($accounts | ForEach-Object { "$_\AppData\Roaming" }) + @($env:APPDATA)
    foreach ($folder in $homes) {
        if (-not $folder) { continue }
        foreach ($name in $Package.shortcuts) {
            $path = "$folder\Microsoft\Windows\Start Menu\Programs\Startup\$name".Replace('\', [IO.Path]::DirectorySeparatorChar)
            # Who installs may be one of those for whom the client is to start.
            if ([IO.File]::Exists($path) -and (Get-ImDigest ([IO.File]::ReadAllBytes($path))) -notin $Package.shortcuts_kept) { $path }
        }
    }
}

function Test-AsWished {
    # Whether a package needs nothing: its word, or nothing if something is to be done.
    param([hashtable]$Package, [object]$Version)
    if ($state -eq 'absent') { if ($null -eq $Version) { return 'unchanged' } else { return } }
    if ($null -eq $Version -or $state -eq 'latest') { return }
    if (-not $Package.version -or $Package.version -eq $Version) { return 'unchanged' }
    $here, $wished = ($Version -as [version]), ($Package.version -as [version])
    if ($here -and $wished -and $here -gt $wished) { 'newer_installed' }
}

function Wait-Removal {
    # Uninstallers of NSIS end at once, and a copy of them below %TEMP% goes on with the work: wait until it is done.
    param([hashtable]$Package)
    $end = [DateTime]::UtcNow.AddSeconds($module.Params.removal_timeout)
    while ($null -ne (Get-InstalledVersion $Package) -and [DateTime]::UtcNow -lt $end) { Start-Sleep -Seconds 2 }
}

function Invoke-Wish {
    # Do what one package needs by the first route that can, and return its word, exit_code, detail and route.
    param([hashtable]$Package, [hashtable]$Told)
    $verb = if ($state -eq 'absent') { 'uninstall' } else { 'install' }
    $left = @($module.Params.routes)
    $answer = @{ word = 'no_route'; exit_code = ''; detail = ''; route = '' }
    while ($left.Count) {
        $route = Find-ImWingetRoute $left 60
        foreach ($refused in $route.refused) { $Told.routes.Add($refused) }
        if (-not $route.name) { break }
        $answer = Invoke-ImWinget $route $verb $Package ($state -eq 'latest') $patience
        $answer.route = $route.name
        if ($state -eq 'absent' -and $answer.word -eq 'installed') { Wait-Removal $Package }
        $version = Get-InstalledVersion $Package
        if ($done.ContainsKey($answer.word) -and ($null -eq $version) -ne ($state -eq 'absent') -and $answer.word -ne 'reboot') {
            $answer.word = 'not_seen'
        }
        # Uninstalling what winget does not know is no success: the registry says that it is there.
        if (-not $otherWay.ContainsKey($answer.word)) { break }
        $Told.routes.Add(@{ name = $route.name; why = "$($answer.exit_code) $($answer.detail)".Trim() })
        $left = @($left | Select-Object -Skip (1 + [array]::IndexOf($left, $route.name)))
    }
    $answer
}

# The vendor's installers are run by the account of the connection.
$installers = if ($module.Params.account) {
    $sid = Resolve-ImSid $module.Params.account
    if ($sid) { (Get-ImProfile)[$sid] }
}

$module.Result.changed = $false
$module.Result.reboot_required = $false
$told = @{ packages = New-Object -TypeName System.Collections.Generic.List[object]; routes = New-Object -TypeName System.Collections.Generic.List[object] }
$before, $after = @(), @()

foreach ($entry in $module.Params.packages) {
    $package = [hashtable]$entry
    $version = Get-InstalledVersion $package
    $answer = @{ word = (Test-AsWished $package $version); exit_code = ''; detail = ''; route = '' }
    if (-not $answer.word) {
        # Whether winget has a newer version, only winget knows when it is run.
        if ($module.CheckMode) { $answer.word = if ($state -eq 'latest' -and $null -ne $version) { 'unknown' } else { 'foretold' } }
        else { $answer = Invoke-Wish $package $told }
    }
    $now = Get-InstalledVersion $package
    if ($answer.word -eq 'foretold') { $now = if ($state -eq 'absent') { $null } elseif ($package.version) { $package.version } else { 'newest' } }
    if ($answer.word -eq 'reboot') { $module.Result.reboot_required = $true }
    $strays = @(if ($state -ne 'absent') { Get-StrayShortcut $package | Select-Object -Unique })
    if (-not $module.CheckMode) { foreach ($stray in $strays) { [IO.File]::Delete($stray) } }
    $changed = $version -ne $now -or $answer.word -eq 'reboot' -or $strays.Count -gt 0
    if ($changed) { $module.Result.changed = $true }
    $before += "$($package.id) $(if ($null -eq $version) { 'absent' } else { $version })"
    $after += "$($package.id) $(if ($null -eq $now) { 'absent' } else { $now })"
    $told.packages.Add(@{
            id = $package.id
            before = $version
            after = $now
            changed = $changed
            code = $answer.word
            route = $answer.route
            exit_code = $answer.exit_code
            detail = $answer.detail
            shortcuts_removed = $strays
        })
}

$module.Result.packages = $told.packages
$module.Result.routes = $told.routes
$module.Diff.before = ($before -join "`n") + "`n"
$module.Diff.after = ($after -join "`n") + "`n"
$module.ExitJson()
