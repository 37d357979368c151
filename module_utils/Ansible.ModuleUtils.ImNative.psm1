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
    # The SID of an account ("name", "DOMAIN\name" or "name@domain"); nothing when Windows knows no such account. Throws
    # when Windows cannot tell: the domain is out of reach, or no longer trusts this PC.
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

function Get-ImStreamOwner {
    # The SID of who owns an open file, wherever its name leads by now.
    param([System.IO.FileStream]$File)
    $File.GetAccessControl().GetOwner([System.Security.Principal.SecurityIdentifier]).Value
}

function New-ImFile {
    # A new file, open for writing and for nobody else, that belongs to somebody (empty: to who makes it). It is given
    # away by its handle: a name may lead elsewhere by then, to a file that must be nobody's gift.
    param([string]$Path, [string]$Sid)
    $may = [System.Security.AccessControl.FileSystemRights]'Write, ReadPermissions, TakeOwnership, Synchronize'
    $file = New-Object -TypeName System.IO.FileStream -ArgumentList $Path, ([IO.FileMode]::CreateNew), $may, ([IO.FileShare]::None), 4096, ([IO.FileOptions]::None)
    try {
        if ($Sid) {
            $security = New-Object -TypeName System.Security.AccessControl.FileSecurity
            $security.SetOwner((New-Object -TypeName System.Security.Principal.SecurityIdentifier -ArgumentList $Sid))
            $rights = New-Object -TypeName Ansible.Privilege.PrivilegeEnabler -ArgumentList $false, 'SeRestorePrivilege', 'SeTakeOwnershipPrivilege'
            try { $file.SetAccessControl($security) } finally { $rights.Dispose() }
        }
        $file
    }
    catch {
        $file.Dispose()
        throw
    }
}

function New-ImFolder {
    # Make a directory with the owner and access list given as SDDL ("O:...D:..."). One that is there stays as it is.
    param([string]$Path, [string]$Sddl)
    $security = New-Object -TypeName System.Security.AccessControl.DirectorySecurity
    $security.SetSecurityDescriptorSddlForm($Sddl)
    $null = [System.IO.Directory]::CreateDirectory($Path, $security)
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
