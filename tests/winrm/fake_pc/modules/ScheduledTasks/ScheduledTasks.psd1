@{
    RootModule = 'ScheduledTasks.psm1'
    ModuleVersion = '1.0.0'
    FunctionsToExport = @('Export-ScheduledTask', 'Register-ScheduledTask', 'Unregister-ScheduledTask')
}
