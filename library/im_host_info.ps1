#!powershell

# The Windows half of library/im_host_info.py, where both are documented. Everything comes from the registry.

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWindows

$spec = @{
    options = @{
        packages = @{ type = 'list'; elements = 'str'; default = @() }
        minimum = @{ type = 'dict'; default = @{} }
        applications = @{ type = 'dict'; default = @{} }
        commands = @{ type = 'dict'; default = @{} }
        portable = @{ type = 'dict'; default = @{} }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$applications = $module.Params.applications
$minimum = $module.Params.minimum

$windows = Get-ImWindows
$module.Result.host = @{
    system = 'Windows'
    distribution = $windows.name
    distribution_version = "$($windows.major).0.$($windows.build)"
    distribution_major = $windows.major
    os_family = 'Windows'
    architecture = @{ AMD64 = 'x86_64'; ARM64 = 'aarch64'; x86 = 'i686' }[[string]$env:PROCESSOR_ARCHITECTURE]
    python = $null
    package_manager = 'winget'
}

function Get-PortableVersion {
    # The version of a program that this PC keeps a whole copy of, to be laid into homes; nothing without one.
    param([hashtable]$Copy)
    $proof = [Environment]::ExpandEnvironmentVariables("$($Copy.folder)/$($Copy.proof)".TrimStart('/'))
    if ([IO.File]::Exists($proof.Replace('/', [IO.Path]::DirectorySeparatorChar))) { $Copy.version }
}

function Test-InPlace {
    # Whether a program stands, or may stand, where its command is looked for. Not all say their folder, and "~" is in
    # names that Windows shortened.
    param([hashtable]$Program, [string]$Command)
    $folder = $Program.folder.Trim([char[]]' "').Replace('/', '\').TrimEnd('\')
    if (-not $folder -or $folder.Contains('~')) { return $true }
    $wanted = [Environment]::ExpandEnvironmentVariables($Command).Replace('/', '\')
    $wanted.StartsWith("$folder\", [StringComparison]::OrdinalIgnoreCase)
}

$packages = @{}
$elsewhere = @{}
$older = @()
$programs = @(Get-ImProgramList)
foreach ($name in $module.Params.packages) {
    # A package of another system is no program that Windows knows.
    $found = @(if ($applications.ContainsKey($name)) { Select-ImProgram $programs $applications[$name] })
    if ($found.Count -and $module.Params.commands.ContainsKey($name)) {
        $inPlace = @($found | Where-Object { Test-InPlace $_ $module.Params.commands[$name] })
        if ($inPlace.Count) { $found = $inPlace } else { $elsewhere[$name] = $found[0].folder }
    }
    $version = if ($module.Params.portable.ContainsKey($name)) { Get-PortableVersion $module.Params.portable[$name] } elseif ($found.Count) { $found[0].version }
    $packages[$name] = if ($null -ne $version) { $version } else { $null }
    if ($null -ne $version -and $minimum.ContainsKey($name)) {
        $here, $least = ($version -as [version]), ([string]$minimum[$name] -as [version])
        if ($here -and $least -and $here -lt $least) { $older += $name }
    }
}
$module.Result.changed = $false
$module.Result.brew = $null
$module.Result.packages = $packages
$module.Result.elsewhere = $elsewhere
$module.Result.older = $older
$module.ExitJson()
