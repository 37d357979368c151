#!powershell

# Documented in im_portable_program.py, where ansible-doc looks.

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWire
# A network logon has no credentials for a share; SYSTEM goes there as the PC.
#AnsibleRequires -Become

$spec = @{
    options = @{
        name = @{ type = 'str'; required = $true }
        folder = @{ type = 'str'; required = $true }
        proof = @{ type = 'str'; required = $true }
        url = @{ type = 'str' }
        sha256 = @{ type = 'str' }
        state = @{ type = 'str'; choices = @('present', 'absent'); default = 'present' }
        timeout = @{ type = 'int'; default = 900 }
    }
    required_if = @(, @('state', 'present', @('url', 'sha256')))
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$name, $url = $module.Params.name, $module.Params.url
$path = [Environment]::ExpandEnvironmentVariables($module.Params.folder.TrimStart('/')).Replace('/', [IO.Path]::DirectorySeparatorChar)
$above = [IO.Path]::GetDirectoryName($path)
$kept = [IO.Path]::GetFileName($path)
$whole = [IO.File]::Exists([IO.Path]::Combine($path, $module.Params.proof))

function Get-Version {
    # The folders of other versions of the program, of all with state absent.
    if (-not [IO.Directory]::Exists($above)) { return }
    [IO.Directory]::GetDirectories($above, "$name-*") | Where-Object { $module.Params.state -eq 'absent' -or [IO.Path]::GetFileName($_) -ne $kept }
}

function Get-Installer {
    # Fetch the installer to a path.
    param([string]$To)
    try {
        if ($url -notmatch '^https?://') { [IO.File]::Copy($url, $To, $true) }
        else {
            [Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
            $client = New-Object -TypeName System.Net.WebClient
            try { $client.DownloadFile($url, $To) } finally { $client.Dispose() }
        }
    }
    catch { $module.FailJson("$url cannot be fetched by this PC: $($_.Exception.GetBaseException().Message)") }
    $digest = Get-ImDigest ([IO.File]::ReadAllBytes($To))
    if ($digest -ne $module.Params.sha256) { $module.FailJson("$url is another file than im_package_installers says: its sha256 is $digest") }
}

$others = @(Get-Version)
$present = $module.Params.state -eq 'present'
$module.Result.changed = $others.Count -gt 0 -or ($present -and -not $whole)
$module.Diff.before = (@($others | ForEach-Object { [IO.Path]::GetFileName($_) }) + @(if ($whole -and $present) { $kept }) -join "`n") + "`n"
$module.Diff.after = $(if ($present) { $kept }) + "`n"
if ($module.CheckMode) { $module.ExitJson() }

if ($present -and -not $whole) {
    if (-not (Test-ImAdministrator)) { $module.FailJson('only an administrator of this PC may unpack programs for it') }
    # Below %ProgramFiles%, so that nobody but administrators can put another file in the place of the one that was checked.
    $null = [IO.Directory]::CreateDirectory($above)
    $installer = [IO.Path]::Combine($above, "$name-installer.exe")
    try {
        Get-Installer $installer
        # What an unpacking that was cut off left: over a program, this installer would ask on a screen that nobody sees.
        if ([IO.Directory]::Exists($path)) { [IO.Directory]::Delete($path, $true) }
        $code = Invoke-ImUnpacker $installer $path $module.Params.timeout
    }
    finally { [IO.File]::Delete($installer) }
    if ($null -eq $code) { $module.FailJson("the installer did not end within $($module.Params.timeout) s") }
    if ($code -ne 0) { $module.FailJson("the installer ended with code $code") }
    if (-not [IO.File]::Exists([IO.Path]::Combine($path, $module.Params.proof))) {
        $module.FailJson("the installer laid no $($module.Params.proof): it is not that of $name portable")
    }
}
foreach ($other in $others) {
    try { [IO.Directory]::Delete($other, $true) }
    catch { $module.FailJson((Get-ImTrouble $_ ([IO.Path]::GetFileName($other))).message) }
}
$module.ExitJson()
