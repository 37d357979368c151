@{
    RootModule = 'CimCmdlets.psm1'
    ModuleVersion = '1.0.0'
    FunctionsToExport = @('Get-CimInstance', 'Invoke-CimMethod')
}
