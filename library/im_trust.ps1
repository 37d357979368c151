#!powershell

# Documented in im_trust.py, where ansible-doc looks.

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWindows

$spec = @{
    options = @{
        command = @{ type = 'list'; elements = 'str'; required = $true }
        proof = @{ type = 'str'; required = $true }
        timeout = @{ type = 'int'; default = 60 }
    }
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$module.Result.changed = $true
if ($module.CheckMode) { $module.ExitJson() }

$words = @($module.Params.command | ForEach-Object { [Environment]::ExpandEnvironmentVariables($_) })
$proof = [Environment]::ExpandEnvironmentVariables($module.Params.proof.TrimStart('/'))
try { $ended = Invoke-ImProgram $words[0] @($words | Select-Object -Skip 1) $module.Params.timeout }
catch { $module.FailJson("$($words[0]) does not start: $($_.Exception.GetBaseException().Message)") }
if ($ended.code -ne 0) {
    # certutil says its errors on its output.
    $module.FailJson("$($ended.errors) $($ended.output)".Trim())
}
[IO.File]::WriteAllText($proof, '')
$module.ExitJson()
