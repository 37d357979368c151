# Runs .ps1 modules one after another in one process, as Ansible's module wrapper runs each in its own: same variables,
# same loading of module utilities, same Ansible.Basic. For tests that need no connection: starting PowerShell and
# compiling C# costs them seconds each.
#
# In: lines of JSON {environment, utils: [paths, in the order to load them], module: path, arguments}. Out: one line of
# JSON for each, the module's own answer.
param([string]$AnsibleUtils)

$ErrorActionPreference = 'Stop'
Import-Module "$AnsibleUtils/powershell/Ansible.ModuleUtils.AddType.psm1"
Add-CSharpType -References @([IO.File]::ReadAllText("$AnsibleUtils/csharp/Ansible.Basic.cs"))
$console = [Console]::Out
$runspaces = @{}  # by module: what it requires is loaded once

function ConvertTo-Table {
    # Objects of JSON as Ansible gives them to modules: dictionaries and lists.
    param([object]$Value)
    if ($Value -is [System.Management.Automation.PSCustomObject]) {
        $table = @{}
        foreach ($property in $Value.PSObject.Properties) { $table[$property.Name] = ConvertTo-Table $property.Value }
        $table
    }
    elseif ($Value -is [array]) { , @($Value | ForEach-Object { , (ConvertTo-Table $_) }) }
    else { $Value }
}

while ($null -ne ($line = [Console]::In.ReadLine())) {
    $asked = ConvertTo-Table (ConvertFrom-Json -InputObject $line)
    foreach ($name in $asked.environment.Keys) { [Environment]::SetEnvironmentVariable($name, $asked.environment[$name]) }
    $shell = [PowerShell]::Create()
    $isNew = -not $runspaces.ContainsKey($asked.module)
    if ($isNew) { $runspaces[$asked.module] = $shell.Runspace } else { $shell.Runspace = $runspaces[$asked.module] }
    $shell.Runspace.SessionStateProxy.SetVariable('ErrorActionPreference', 'Stop')
    $shell.Runspace.SessionStateProxy.SetVariable('complex_args', $asked.arguments)
    foreach ($path in $asked.utils) {
        if (-not $isNew) { break }
        $null = $shell.AddScript('param($Name, $Text) New-Module -Name $Name -ScriptBlock ([scriptblock]::Create($Text)) | Import-Module -Scope Global', $true)
        $null = $shell.AddParameters(@{ Name = [IO.Path]::GetFileNameWithoutExtension($path); Text = [IO.File]::ReadAllText($path) }).AddStatement()
    }
    $null = $shell.AddScript('${function:<AnsibleModule>} = [scriptblock]::Create($args[0])').AddArgument([IO.File]::ReadAllText($asked.module)).AddStatement()
    $null = $shell.AddCommand('<AnsibleModule>', $false)
    $told = [IO.StringWriter]::new()
    [Console]::SetOut($told)
    try { $null = $shell.Invoke(); $crash = @($shell.Streams.Error) -join "`n" }
    catch {
        $record = $_.Exception.InnerException.ErrorRecord
        $crash = "$record $($record.InvocationInfo.PositionMessage) $($record.ScriptStackTrace)"
    }
    finally { [Console]::SetOut($console) }
    $answer = $told.ToString().Trim()
    if (-not $answer) { $answer = ConvertTo-Json -InputObject @{ failed = $true; crashed = $true; msg = $crash } -Compress }
    $console.WriteLine($answer)
    $console.Flush()
}
