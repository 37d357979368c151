# winget without a user session: where it is, what is typed, and what its exit codes mean.
# Sources: winget-cli doc/windows/package-manager/winget/returnCodes.md, UpdateFlow.cpp, and issues 256, 2495, 3049, 6334.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWindows

# What a code means for us. Codes that are not here mean "failed".
$Meanings = @{
    '00000000' = 'installed'
    '8A15002B' = 'unchanged'         # no newer version: plain install turns into an upgrade
    '8A150061' = 'unchanged'         # already installed, with --no-upgrade
    '8A15010D' = 'unchanged'         # another version is installed already
    '8A15010E' = 'newer_installed'   # a higher version is installed already
    '8A15004F' = 'unchanged'         # the version offered is not newer
    '8A150014' = 'unknown_package'
    '8A150109' = 'reboot'            # installed, to be finished by a restart
    '8A15010A' = 'reboot'
    '8A15010B' = 'reboot'            # installed, and the restart has begun
    '8A150101' = 'in_use'            # the application runs
    '8A150103' = 'in_use'            # a file of it is in use
    '8A150111' = 'in_use'
    '8A150102' = 'busy'              # another installation runs
    '8A15006D' = 'busy'              # the service of winget is busy
    '8A15000F' = 'source'            # data required by the source is missing
    '8A150045' = 'source'
    '8A15004B' = 'source'
    '8A150008' = 'source'            # the package's file cannot be downloaded
    '8A150107' = 'source'            # no network
    '8A150041' = 'agreements'
    '8A150046' = 'agreements'
    '8A15008E' = 'technology'        # installed by another kind of installer
    '8A150010' = 'no_installer'      # none for this PC and scope
    '8A150011' = 'hash'              # the file is not the one that the manifest names
    '80070520' = 'no_session'        # a specified logon session does not exist
    '80073CF9' = 'no_session'        # not allowed to the local system account
}
# What Windows itself answers about the network, by what the code begins with: WinINet (name, proxy, TLS), the status of
# HTTP, Delivery Optimization.
$Network = '^(80072[EF]|8019|80D0)'

function ConvertTo-ImHresult {
    # A code as eight hexadecimal digits, whether it was told with a sign ($LASTEXITCODE) or without (win_command).
    param([long]$Code)
    '{0:X8}' -f ($Code -band [long]4294967295)
}

function Resolve-ImWingetCode {
    # What an exit code of winget means, as one of our words.
    param([long]$Code)
    $told = ConvertTo-ImHresult $Code
    $known = $Meanings[$told]
    if ($known) { $known } elseif ($told -match $Network) { 'source' } else { 'failed' }
}

function Find-ImWinget {
    # The newest winget.exe of this PC by its full path: App Installer's alias exists in sessions of users only.
    $folder = Join-Path -Path $env:ProgramFiles -ChildPath 'WindowsApps'
    $marker = 'Microsoft.DesktopAppInstaller_*__8wekyb3d8bbwe'
    $found = foreach ($place in [IO.Directory]::GetDirectories($folder, $marker)) {
        $parts = [IO.Path]::GetFileName($place).Split('_')
        $program = Join-Path -Path $place -ChildPath 'winget.exe'
        if ($parts[1] -as [version] -and [IO.File]::Exists($program)) {
            @{ version = [version]$parts[1]; path = $program }
        }
    }
    # By version: by name, 1.9 would stand above 1.28.
    @($found | Sort-Object -Property { $_.version })[-1].path
}

function Get-ImWingetArgument {
    # What is typed for one package.
    param([ValidateSet('install', 'uninstall')][string]$Verb, [hashtable]$Package, [bool]$Latest)
    @($Verb, '--id', $Package.id, '--exact', '--source', 'winget', '--scope', 'machine', '--silent')
    @('--disable-interactivity', '--accept-source-agreements')
    if ($Verb -eq 'install') {
        '--accept-package-agreements'
        if ($Package.version) { @('--version', $Package.version) }
        elseif (-not $Latest) { '--no-upgrade' }
        if ($Package.custom) { @('--custom', (@($Package.custom) -join ' ')) }
    }
}

# Run by PowerShell 7 of the PC: in Windows PowerShell the cmdlets of this module refuse to work as SYSTEM.
$ClientScript = @'
$ErrorActionPreference = 'Stop'
try {
    $asked = [Console]::In.ReadToEnd() | ConvertFrom-Json
    Import-Module Microsoft.WinGet.Client
    if ($asked.verb -eq 'look') { @{ code = 0; output = 'ready'; reboot = $false } | ConvertTo-Json -Compress; exit 0 }
    $options = @{ Id = $asked.id; MatchOption = 'EqualsCaseInsensitive'; Source = 'winget'; Mode = 'Silent' }
    if ($asked.verb -eq 'install') {
        $options.Scope = 'System'
        if ($asked.version) { $options.Version = $asked.version }
        if ($asked.custom) { $options.Custom = $asked.custom }
        if ($asked.latest -and -not $asked.version) {
            # Unlike winget.exe, this installs what is there once more, and its installer closes the program for everybody
            # (winget-cli#3455).
            $there = @(Get-WinGetPackage -Id $asked.id -MatchOption EqualsCaseInsensitive -Source winget)
            if ($there.Count -and -not @($there | Where-Object { $_.IsUpdateAvailable }).Count) {
                @{ code = 0x8A15002B; output = 'no newer version'; reboot = $false } | ConvertTo-Json -Compress
                exit 0
            }
        }
        $result = Install-WinGetPackage @options
    }
    else { $result = Uninstall-WinGetPackage @options }
    $code = 0
    if ($result.Status -ne 'Ok') { $code = if ($result.ExtendedErrorCode) { $result.ExtendedErrorCode.HResult } else { 1 } }
    @{ code = $code; output = "$($result.Status) $($result.ExtendedErrorCode)"; reboot = [bool]$result.RebootRequired } |
        ConvertTo-Json -Compress
}
catch {
    # What winget itself said is the innermost; that the catalogue could not be opened only the outer one says.
    $source = $false
    for ($one = $_.Exception; $one; $one = $one.InnerException) { if ($one.GetType().Name -eq 'CatalogConnectException') { $source = $true } }
    $inner = $_.Exception.GetBaseException()
    @{ code = $inner.HResult; output = "$_ $($inner.Message)"; reboot = $false; source = $source } | ConvertTo-Json -Compress
}
'@

function Invoke-ImWingetProgram {
    # Install or remove by winget.exe; returns code, output and reboot.
    param([string]$Program, [string]$Verb, [hashtable]$Package, [bool]$Latest, [int]$Seconds)
    $ended = Invoke-ImProgram $Program @(Get-ImWingetArgument $Verb $Package $Latest) $Seconds
    @{ code = $ended.code; output = "$($ended.output)$($ended.errors)"; reboot = $false }
}

function Invoke-ImWingetClient {
    # The same by the module Microsoft.WinGet.Client in PowerShell 7; the verb "look" says whether both are there.
    param([string]$Verb, [hashtable]$Package, [bool]$Latest, [int]$Seconds)
    $asked = @{ verb = $Verb; id = $Package.id; version = $Package.version; custom = (@($Package.custom) -join ' '); latest = $Latest }
    $script = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes($ClientScript))
    $words = @('-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-EncodedCommand', $script)
    try { $ended = Invoke-ImProgram 'pwsh.exe' $words $Seconds (ConvertTo-Json -InputObject $asked -Compress) }
    catch { return @{ code = 1; output = "no PowerShell 7 on this PC: $_"; reboot = $false } }
    try { $told = ConvertFrom-Json -InputObject $ended.output }
    catch { return @{ code = 1; output = "$($ended.output)$($ended.errors)"; reboot = $false } }
    $source = [bool](Get-ImValue $told 'source')
    @{ code = [long]$told.code; output = [string]$told.output; reboot = [bool]$told.reboot; source = $source }
}

function Get-Silence {
    # Why a winget.exe that was asked for its version cannot be trusted; nothing if it told one. As SYSTEM it finds none of
    # the libraries that App Installer brings with it (winget-cli#2748), and may even say that all is well.
    param([hashtable]$Looked)
    if ($Looked.output.Trim()) { return '' }
    $end = if ($null -eq $Looked.code) { $Looked.errors } else { 'it ends with 0x' + (ConvertTo-ImHresult $Looked.code) }
    "winget.exe --version prints nothing ($end): mostly for lack of Microsoft's Visual C++ 2015-2022 redistributable (x64)"
}

function Find-ImWingetRoute {
    # The first of the wished routes that works here, with why those before it do not: name, program, refused.
    param([string[]]$Wished, [int]$Seconds)
    $refused = New-Object -TypeName System.Collections.Generic.List[object]
    foreach ($name in $Wished) {
        $program, $why = $null, ''
        try {
            if (-not (Test-ImSystem)) { $why = 'not run as SYSTEM, and winget works in no other account without a user session' }
            elseif ($name -eq 'system') {
                $program = Find-ImWinget
                if (-not $program) { $why = 'no winget.exe below Program Files\WindowsApps' }
                else { $why = Get-Silence (Invoke-ImProgram $program @('--version') $Seconds) }
            }
            else {
                $look = Invoke-ImWingetClient 'look' @{ id = ''; version = ''; custom = @() } $false $Seconds
                if ($look.code -ne 0) { $why = $look.output }
            }
        }
        catch { $why = [string]$_ }
        if (-not $why) { return @{ name = $name; program = $program; refused = $refused } }
        $refused.Add(@{ name = $name; why = $why })
    }
    @{ name = ''; program = $null; refused = $refused }
}

function Invoke-ImWinget {
    # Install or remove one package by the route that Find-ImWingetRoute found; asks again while winget is busy.
    param([hashtable]$Route, [string]$Verb, [hashtable]$Package, [bool]$Latest, [hashtable]$Patience)
    for ($attempt = 0; ; $attempt++) {
        if ($Route.name -eq 'system') { $ended = Invoke-ImWingetProgram $Route.program $Verb $Package $Latest $Patience.seconds }
        else { $ended = Invoke-ImWingetClient $Verb $Package $Latest $Patience.seconds }
        $word = if ($null -eq $ended.code) { 'timeout' } else { Resolve-ImWingetCode $ended.code }
        if ($word -ne 'busy' -or $attempt -ge $Patience.retries) { break }
        Start-Sleep -Seconds $Patience.delay
    }
    if ($ended.reboot -and $word -eq 'installed') { $word = 'reboot' }
    if ($ended['source'] -and $word -eq 'failed') { $word = 'source' }
    $code = if ($null -eq $ended.code) { '' } else { '0x' + (ConvertTo-ImHresult $ended.code) }
    @{ word = $word; exit_code = $code; detail = Get-ImLastLine $ended.output }
}

function Get-ImLastLine {
    # What a program said last, without the bars and spinners that winget draws before it.
    param([string]$Text)
    $lines = @($Text -split '[\r\n]+' | ForEach-Object { $_.Trim() } | Where-Object { $_ -match '[A-Za-z]' })
    if ($lines.Count) { $lines[-1] } else { '' }
}

Export-ModuleMember -Function *-Im*
