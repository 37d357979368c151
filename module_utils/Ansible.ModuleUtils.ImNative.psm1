# What our modules ask of Windows itself. Nothing of this file has run on a real PC: playbooks/selftest.yml is to settle
# each function by its name, and the tests lay tests/winrm/fake_pc/module_utils over it.
# Keep each function so short that a reader sees at a glance what is unproven.

#AnsibleRequires -CSharpUtil Ansible.Privilege

function Test-ImAdministrator {
    # Whether this process holds the rights of an administrator, without which nobody's profile can be served.
    $who = [System.Security.Principal.WindowsIdentity]::GetCurrent()
    $principal = New-Object -TypeName System.Security.Principal.WindowsPrincipal -ArgumentList $who
    $principal.IsInRole([System.Security.Principal.WindowsBuiltInRole]::Administrator)
}

function Test-ImSystem {
    # Whether this process is SYSTEM, the one account without a user session in which winget is known to work.
    [System.Security.Principal.WindowsIdentity]::GetCurrent().IsSystem
}

function Resolve-ImSid {
    # The SID of an account ("name", "DOMAIN\name" or "name@domain"); nothing when Windows knows no such account.
    param([string]$Login)
    $account = New-Object -TypeName System.Security.Principal.NTAccount -ArgumentList $Login
    try { $account.Translate([System.Security.Principal.SecurityIdentifier]).Value }
    catch [System.Security.Principal.IdentityNotMappedException] { return }
}

function Get-ImSecurity {
    # Owner and access list of a file or directory, as SDDL ("O:<sid>D:...").
    param([string]$Path)
    $sections = [System.Security.AccessControl.AccessControlSections]'Owner, Access'
    (Get-Acl -LiteralPath $Path).GetSecurityDescriptorSddlForm($sections)
}

function Get-ImOwner {
    # The SID of who owns a file or directory.
    param([string]$Path)
    (Get-Acl -LiteralPath $Path).GetOwner([System.Security.Principal.SecurityIdentifier]).Value
}

function Set-ImOwner {
    # Give a file or directory to somebody. Its access list stays.
    param([string]$Path, [string]$Sid)
    $wanted = New-Object -TypeName System.Security.Principal.SecurityIdentifier -ArgumentList $Sid
    $rights = New-Object -TypeName Ansible.Privilege.PrivilegeEnabler -ArgumentList $false, 'SeRestorePrivilege', 'SeTakeOwnershipPrivilege'
    try {
        $security = Get-Acl -LiteralPath $Path
        $security.SetOwner($wanted)
        Set-Acl -LiteralPath $Path -AclObject $security
    }
    finally { $rights.Dispose() }
}

function Set-ImAccess {
    # Replace the access list of a directory by one given as SDDL ("D:...").
    param([string]$Path, [string]$Sddl)
    $security = Get-Acl -LiteralPath $Path
    $security.SetSecurityDescriptorSddlForm($Sddl, [System.Security.AccessControl.AccessControlSections]::Access)
    Set-Acl -LiteralPath $Path -AclObject $security
}

function Get-ImExitCode {
    # How a process ended: 32 bits with a sign, of which other systems keep eight.
    param([System.Diagnostics.Process]$Process)
    $Process.ExitCode
}

function Invoke-ImUnpacker {
    # Have an installer made by NSIS unpack into a folder, asking nothing; its exit code, nothing if it took too long.
    param([string]$Path, [string]$Folder, [int]$Seconds)
    # NSIS takes /D only as the last word, and the rest of the line as it is, without quotes.
    $start = New-Object -TypeName System.Diagnostics.ProcessStartInfo -ArgumentList $Path, "/S /D=$Folder"
    $start.UseShellExecute = $false
    $start.CreateNoWindow = $true
    $process = [System.Diagnostics.Process]::Start($start)
    try {
        if ($process.WaitForExit($Seconds * 1000)) { $process.ExitCode } else { $process.Kill() }
    }
    finally { $process.Dispose() }
}

Export-ModuleMember -Function *-Im*
