#!powershell

# Documented in im_logon.py, where ansible-doc looks.

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImLogon
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble

$wait = @{ name = @{ type = 'str'; required = $true }; text = @{ type = 'str'; default = ''; no_log = $true } }
$spec = @{
    options = @{
        waits = @{ type = 'list'; elements = 'dict'; required = $true; options = $wait }
        script = @{ type = 'str'; required = $true }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
if (-not (Test-ImAdministrator)) { $module.FailJson('what waits for a first logon can only be laid by an administrator of this PC') }
try { $module.Result.changed = Set-ImLogon $module.Params.waits $module.Params.script $module.CheckMode }
catch { $module.FailJson("what waits for a first logon cannot be laid: $((Get-ImTrouble $_ 'its place').message)") }
$module.ExitJson()
