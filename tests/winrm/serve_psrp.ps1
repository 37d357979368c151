# Serves PowerShell's remoting protocol (MS-PSRP) on standard input and output, as `pwsh -s` does: the engine's own server
# for other processes, reached by its internal name, as not every command line of PowerShell offers that option.
# Only the engine of PowerShell 7 has this method; a PC has Microsoft's own service in its place.
$server = [psobject].Assembly.GetType('System.Management.Automation.Remoting.Server.StdIOProcessMediator')
$run = $server.GetMethod('Run', [Reflection.BindingFlags]'Static, NonPublic')
$null = $run.Invoke($null, @($run.GetParameters() | ForEach-Object { if ($_.ParameterType -eq [bool]) { $false } else { '' } }))
