# A FAKE of Microsoft's module: hands over to the fake winget, as "winget.client" of its model, and answers in objects.

if (-not (ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:IM_FAKE_PC))).winget.client) {
    throw 'the fake PC has no module Microsoft.WinGet.Client'
}

function Assert-Catalogue {
    # "client_catalogue" of the model: the code with which the catalogue does not open.
    $code = (ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:IM_FAKE_PC))).winget.client_catalogue
    if (-not $code) { return }
    # As Microsoft's: the error of winget is the inner one, and the own code says nothing.
    Add-Type -TypeDefinition @'
public class CatalogConnectException : System.Management.Automation.RuntimeException {
    public CatalogConnectException(System.Exception inner) : base("An error occurred while connecting to the catalog.", inner) { }
}
'@
    $inner = New-Object -TypeName System.Runtime.InteropServices.COMException -ArgumentList 'the fake is cut off', $code
    throw (New-Object -TypeName CatalogConnectException -ArgumentList $inner)
}

function Invoke-Fake {
    param([string]$Verb, [string]$Id, [string]$Version, [string]$Custom, [string]$Scope)
    Assert-Catalogue
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

function Get-WinGetPackage {
    # What of it is installed, by the programs of the model; "newer" there are the ids that have a newer version.
    param([string]$Id, [string]$MatchOption, [string]$Source)
    Assert-Catalogue
    $winget = (ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:IM_FAKE_PC))).winget
    $registry = ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:PSHOST_REGISTRY))
    foreach ($key in $winget.programs.$Id.PSObject.Properties.Name) {
        $there = $registry.PSObject.Properties[$key]
        if ($there) { [pscustomobject]@{ Id = $Id; InstalledVersion = $there.Value.DisplayVersion; IsUpdateAvailable = $Id -in $winget.newer } }
    }
}

function Install-WinGetPackage {
    # As Microsoft's: what is there already is installed once more.
    param([string]$Id, [string]$MatchOption, [string]$Source, [string]$Mode, [string]$Scope, [string]$Version, [string]$Custom)
    Invoke-Fake 'install' $Id $Version $Custom $Scope
}

function Uninstall-WinGetPackage {
    param([string]$Id, [string]$MatchOption, [string]$Source, [string]$Mode)
    Invoke-Fake 'uninstall' $Id
}

Export-ModuleMember -Function Get-WinGetPackage, Install-WinGetPackage, Uninstall-WinGetPackage
