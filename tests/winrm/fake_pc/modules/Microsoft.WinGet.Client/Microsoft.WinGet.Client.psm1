# A FAKE of Microsoft's module: hands over to the fake winget, as "winget.client" of its model, and answers in objects.

if (-not (ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:IM_FAKE_PC))).winget.client) {
    throw 'the fake PC has no module Microsoft.WinGet.Client'
}

function Invoke-Fake {
    param([string]$Verb, [string]$Id, [string]$Version, [string]$Custom, [string]$Scope)
    $words = @($Verb, '--id', $Id)
    if ($Version) { $words += @('--version', $Version) }
    if ($Custom) { $words += @('--custom', $Custom) }
    if ($Scope) { $words += @('--client-scope', $Scope) }
    $code = [int](& "$PSScriptRoot/../../winget.py" --as-client @words)[-1]
    $trouble = if ($code -ne 0) { [System.Runtime.InteropServices.COMException]::new('the fake says no', $code) }
    [pscustomobject]@{
        Status = if ($code -eq 0) { 'Ok' } else { 'InstallError' }
        ExtendedErrorCode = $trouble
        RebootRequired = $false
    }
}

function Install-WinGetPackage {
    param([string]$Id, [string]$MatchOption, [string]$Source, [string]$Mode, [string]$Scope, [string]$Version, [string]$Custom)
    Invoke-Fake 'install' $Id $Version $Custom $Scope
}

function Uninstall-WinGetPackage {
    param([string]$Id, [string]$MatchOption, [string]$Source, [string]$Mode)
    Invoke-Fake 'uninstall' $Id
}

Export-ModuleMember -Function Install-WinGetPackage, Uninstall-WinGetPackage
