# A FAKE of the part of the Task Scheduler that our modules use: tasks by their name, in the model of windows_pc.py.

function Get-Model { ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:IM_FAKE_PC)) }

function Save-Model {
    param([object]$Model)
    [IO.File]::WriteAllText($env:IM_FAKE_PC, (ConvertTo-Json -InputObject $Model -Depth 20))
}

function Export-ScheduledTask {
    [CmdletBinding()]
    param([string]$TaskPath, [string]$TaskName)
    $found = (Get-Model).tasks.PSObject.Properties["$TaskPath$TaskName"]
    if ($found) { $found.Value }
    elseif ($ErrorActionPreference -ne 'SilentlyContinue') { throw "no task $TaskPath$TaskName" }
}

function Register-ScheduledTask {
    [CmdletBinding()]
    param([string]$TaskPath, [string]$TaskName, [string]$Xml, [switch]$Force)
    $model = Get-Model
    if ($model.tasks.PSObject.Properties["$TaskPath$TaskName"] -and -not $Force) { throw 'it is there already' }
    # As Windows does, in its own words: another order, and without what is the default.
    $whole = [xml]$Xml
    $whole.Task.RegistrationInfo.AppendChild($whole.CreateElement('URI', $whole.Task.NamespaceURI)).InnerText = "$TaskPath$TaskName"
    $level = $whole.Task.Principals.Principal.SelectSingleNode("*[local-name()='RunLevel']")
    $null = $whole.Task.Principals.Principal.RemoveChild($level)
    $model.tasks | Add-Member -NotePropertyName "$TaskPath$TaskName" -NotePropertyValue $whole.OuterXml -Force
    Save-Model $model
}

function Unregister-ScheduledTask {
    [CmdletBinding(SupportsShouldProcess)]
    param([string]$TaskPath, [string]$TaskName)
    $model = Get-Model
    if (-not $model.tasks.PSObject.Properties["$TaskPath$TaskName"]) { throw 'no such task' }
    if (-not $PSCmdlet.ShouldProcess($TaskName)) { return }
    $model.tasks.PSObject.Properties.Remove("$TaskPath$TaskName")
    Save-Model $model
}

Export-ModuleMember -Function Export-ScheduledTask, Register-ScheduledTask, Unregister-ScheduledTask
