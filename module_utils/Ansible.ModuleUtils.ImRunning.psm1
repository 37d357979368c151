# Does the client run? Its processes in any session of the person, and the files that it keeps locked.
# The PowerShell half of module_utils/im_desk/running.py.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTree
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWindows

function Get-ProgramName {
    # The name of the program of a process that a role names without ".exe".
    param([string]$Name)
    if ($Name -like '*.exe') { $Name } else { "$Name.exe" }
}

function Get-ImSeen {
    # The processes of all clients of all tasks, asked for once.
    param([object[]]$Tasks)
    $names = @($Tasks | ForEach-Object { $_.processes } | Where-Object { $_ } | ForEach-Object { Get-ProgramName $_ } | Sort-Object -Unique)
    , @(Get-ImProcess $names)
}

function Get-ImSign {
    # The signs that the client of a task runs, each pid and what; none if it does not.
    # Seen: what Get-ImSeen found; nothing to look anew.
    param([hashtable]$Tree, [hashtable]$Task, [object]$Seen)
    $names = @($Task.processes | Where-Object { $_ })
    if ($null -eq $Seen -and $names.Count) { $Seen = @(Get-ImProcess @($names | ForEach-Object { Get-ProgramName $_ })) }
    foreach ($process in @($Seen)) {
        if (-not $process) { continue }
        foreach ($name in $names) {
            if ($process.name -ne (Get-ProgramName $name)) { continue }
            if (-not $process.sid) { throw (New-ImTrouble 'io' "cannot tell whose process $($process.pid) ($name) is") }
            if (-not $Tree.sid -or $process.sid -eq $Tree.sid) { @{ pid = $process.pid; what = "process $name" } }
        }
    }
    foreach ($pattern in @($Task.locks | Where-Object { $_ })) {
        foreach ($parts in (Expand-ImPattern $Tree (Split-ImPath $pattern ($null -eq $Tree.login)))) {
            $spot = Find-ImSpot $Tree $parts
            if ($null -ne $spot.attributes -and (Test-Held $spot)) { @{ pid = $null; what = "lock $($parts -join '/')" } }
        }
    }
}

function Test-Held {
    # Whether a program keeps a file for itself: Thunderbird opens parent.lock so that nobody else can open it.
    param([hashtable]$Spot)
    try {
        [IO.File]::Open($Spot.path, [IO.FileMode]::Open, [IO.FileAccess]::Read, [IO.FileShare]::Read).Dispose()
        $false
    }
    catch {
        $reason = $_.Exception.GetBaseException()
        if ($reason -is [IO.FileNotFoundException] -or $reason -is [IO.DirectoryNotFoundException]) { return $false }
        if ($reason -is [UnauthorizedAccessException]) { throw (New-ImTrouble 'forbidden' "$($Spot.shown): access denied") }
        $true
    }
}

Export-ModuleMember -Function *-Im*
