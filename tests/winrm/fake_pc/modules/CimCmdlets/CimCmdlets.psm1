# A FAKE of the part of CIM that our modules use: processes and who runs them, from the model of windows_pc.py.

function Get-CimInstance {
    param([string]$ClassName, [string]$Filter, [string[]]$Property)
    if ($ClassName -ne 'Win32_Process') { throw "the fake PC has no CIM class $ClassName" }
    $wished = [regex]::Matches($Filter, "Name = '((?:\\.|[^'])*)'") | ForEach-Object { $_.Groups[1].Value -replace '\\(.)', '$1' }
    $alike = [regex]::Match($Filter, "Name LIKE '%([a-z]+)%'").Groups[1].Value
    $model = ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:IM_FAKE_PC))
    # Somebody may start a client while we look elsewhere: "later" are processes that only the nth look sees.
    $looks = "$env:IM_FAKE_PC-looks"
    [IO.File]::AppendAllText($looks, '.')
    $later = if ($model.later -and (Get-Item -LiteralPath $looks).Length -ge $model.later.look) { $model.later.processes }
    $own = [System.Diagnostics.Process]::GetCurrentProcess()
    $here = [pscustomobject]@{ pid = $own.Id; name = "$($own.ProcessName).exe"; sid = $model.own_sid }
    foreach ($process in @($model.processes) + @($later) + $here) {
        if (-not $process) { continue }
        if ($process.name -in $wished -or ($alike -and $process.name -like "*$alike*")) {
            [pscustomobject]@{ ProcessId = $process.pid; Name = $process.name; Handle = "$($process.pid)"; Sid = $process.sid }
        }
    }
}

function Invoke-CimMethod {
    param([object]$InputObject, [string]$MethodName)
    if ($MethodName -ne 'GetOwnerSid') { throw "the fake PC has no method $MethodName" }
    [pscustomobject]@{ ReturnValue = 0; Sid = $InputObject.Sid }
}

Export-ModuleMember -Function Get-CimInstance, Invoke-CimMethod
