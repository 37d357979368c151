@{
    RootModule = 'Microsoft.WinGet.Client.psm1'
    ModuleVersion = '1.0.0'
    FunctionsToExport = @('Install-WinGetPackage', 'Uninstall-WinGetPackage')
}
