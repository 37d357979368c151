#!powershell

# The Windows half of library/im_profile_files.py, where both are documented: same options, same answers. What differs on
# Windows is said there. One test (tests/winrm/test_profile_files_contract.py) holds both to the same behaviour.

#AnsibleRequires -CSharpUtil Ansible.Basic
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWire
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWindows
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTree
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImRunning
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImKeep
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImChange
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImLogon

$text = @{ type = 'str' }
$texts = @{ type = 'list'; elements = 'str' }
$none = @{ type = 'list'; elements = 'str'; default = @() }
$named = @{ type = 'str'; required = $true }
$common = @{ key = $named; login = $text; processes = $none; locks = $none; open_files = $none }
$file = @{ path = $named; content = @{ type = 'str'; no_log = $true }; before = $text; mode = $text; dir_mode = $text }
$group = $common + @{
    run_id = $named
    files = @{ type = 'list'; elements = 'dict'; required = $true; options = $file }
    memory = @{ type = 'str'; no_log = $true }
    program = @{ type = 'dict'; options = @{ folder = $named; store = $named; proof = $named; signs = $none; marker = $named } }
}
$request = $common + @{ paths = $none; system_paths = $none; memory = @{ type = 'bool'; default = $false } }
$restore = @{ login = $text; run_id = $named; new_run_id = $named; paths = $texts; keys = @{ type = 'list'; elements = 'str'; no_log = $false } }
$spec = @{
    options = @{
        action = @{ type = 'str'; required = $true; choices = @('read', 'write', 'list_backups', 'restore') }
        requests = @{ type = 'list'; elements = 'dict'; options = $request }
        groups = @{ type = 'list'; elements = 'dict'; options = $group }
        restores = @{ type = 'list'; elements = 'dict'; options = $restore }
        logins = $texts
        state_dir = @{ type = 'path' }
        time_limit = @{ type = 'int'; default = 30 }
        keep_runs = @{ type = 'int'; default = 5 }
        keep_days = @{ type = 'int'; default = 90 }
        logon = @{ type = 'bool'; default = $false }
    }
    required_if = @(@('action', 'read', @('requests')), @('action', 'write', @('groups')), @('action', 'restore', @('restores')))
    supports_check_mode = $true
}
$module = [Ansible.Basic.AnsibleModule]::Create($args, $spec)
$state = Get-ImStateDirectory $module.Params.state_dir
$known = @{ trees = @{}; profiles = $null; logon = $null }

function Assert-Task {
    # Refuse names that must never reach a path or the accounts of Windows.
    param([hashtable]$Task)
    $login = $Task.login
    if ($null -ne $login -and ($login -eq '' -or $login -match '[\x00-\x1f/:*?"<>|\[\];=,+]' -or $login -in @('.', '..', '_machine'))) {
        throw (New-ImTrouble 'bad_request' "login '$($login -replace '[\x00-\x1f]', '?')' cannot be a login")
    }
    if ($null -ne $Task.run_id -and $Task.run_id -notmatch '\A[A-Za-z0-9][A-Za-z0-9._-]{0,99}\z') {
        throw (New-ImTrouble 'bad_request' "run_id '$($Task.run_id)' must be letters, digits, '._-', at most 100")
    }
}

function Get-Tree {
    # The tree of a login, made once for all of its tasks.
    param([object]$Login)
    $name = if ($null -eq $Login) { '' } else { $Login }
    if ($null -eq $known.profiles) { $known.profiles = Get-ImProfile }
    if (-not $known.trees.ContainsKey($name)) {
        try { $known.trees[$name] = New-ImTree $name $known.profiles }
        catch { $known.trees[$name] = Get-ImTrouble $_ "login '$name'" }
    }
    $found = $known.trees[$name]
    if ($found.ContainsKey('code')) { throw (New-ImTrouble $found.code $found.message $found.state $found.more) }
    $found
}

function Read-Request {
    # The answer to one request.
    param([hashtable]$Task, [object]$Seen)
    $answer = @{ key = $Task.key; login = $Task.login; home = $null; uid = $null; error = $null; running = @(); files = @{}; memory = $null; memory_error = $null; pending = $false }
    try {
        Assert-Task $Task
        $tree = Get-Tree $Task.login
        $answer.home = $tree.home
        $answer.running = @(Get-ImSign $tree $Task $Seen)
        foreach ($path in $Task.paths) { Add-Report $tree $path $answer.files }
        foreach ($path in $Task.system_paths) { $answer.files[$path] = Get-SystemReport $path }
        if ($Task.memory) {
            try { $answer.memory = Read-ImMemory $state $Task.login $Task.key }
            catch { $answer.memory_error = ConvertTo-ImError (Get-ImTrouble $_ 'the memory of this group') }
        }
        if ($tree.sid -and $known.logon -and $known.logon.waits.ContainsKey($tree.sid)) { $answer.logon = Get-LogonNote $tree }
    }
    catch {
        $trouble = Get-ImTrouble $_ "login '$($Task.login)'"
        $answer.error = ConvertTo-ImError $trouble
        if ($trouble.more.never_logged_on) { $answer.never_logged_on = $trouble.more.never_logged_on }
    }
    $answer
}

function Get-LogonNote {
    # For whom something waited and who has a profile now: the SID, and what the first logon noted.
    param([hashtable]$Tree)
    $note = @{ sid = $Tree.sid; content = $null }
    try { $report = Get-ImReport $Tree (Split-ImPath 'AppData/Local/im_client/first-logon.json' $false) }
    catch { return $note }  # the person's own business: then nothing is known of it
    if (-not $report.absent -and $report.size -le 65536) { $note.content = $report.content }
    $note
}

function Add-Report {
    # Add to the files of an answer what is known about a path or pattern.
    param([hashtable]$Tree, [string]$Path, [hashtable]$Files)
    try {
        $parts = Split-ImPath $Path ($null -eq $Tree.login)
        if (-not $Path.Contains('*')) {
            $Files[$Path] = Get-ImReport $Tree $parts
            return
        }
        $found = Expand-ImPattern $Tree $parts
    }
    catch {
        $Files[$Path] = @{ error = ConvertTo-ImError (Get-ImTrouble $_ $Path) }
        return
    }
    foreach ($match in $found) {
        $name = $(if ($null -eq $Tree.login) { '/' } else { '' }) + ($match -join '/')
        try {
            $report = Get-ImReport $Tree $match
            if (-not $report.absent) { $Files[$name] = $report }  # else gone since it was listed
        }
        catch { $Files[$name] = @{ error = ConvertTo-ImError (Get-ImTrouble $_ $name) } }
    }
}

function Get-SystemReport {
    # What stands at a path of the system: files of the clients that only other systems have are absent here.
    param([string]$Path)
    $why = "${Path}: a file of the system is only read"
    try {
        if (-not $Path.StartsWith('/%')) { return @{ absent = $true; creatable = $false; why = $why } }
        $report = Get-ImReport @{ login = $null; sid = ''; home = $null; budget = [long]::MaxValue } (Split-ImPath $Path $true)
        if ($report.absent) { return @{ absent = $true; creatable = $false; why = $why } }
        $report.writable, $report.why = $false, $why
        $report
    }
    catch { @{ error = ConvertTo-ImError (Get-ImTrouble $_ $Path) } }
}

function Write-Group {
    # The answer to one group.
    param([hashtable]$Task, [object]$Seen)
    $answer = @{ key = $Task.key; login = $Task.login; error = $null; running = @(); files = @{}; state = 'failed'; conflicts = @(); memory_written = $null; memory_error = $null }
    try {
        Assert-Task $Task
        $written = Write-ImGroup (Get-Tree $Task.login) $Task $Seen $module.CheckMode $state
        foreach ($name in $written.Keys) { $answer[$name] = $written[$name] }
    }
    catch { $answer.error = ConvertTo-ImError (Get-ImTrouble $_ "login '$($Task.login)'") }
    if ($null -ne $Task.memory) { Save-Memory $Task $answer }
    $answer
}

function Save-Memory {
    # Keep the memory of a group that was written. That it cannot be kept is no reason to fail the group.
    param([hashtable]$Task, [hashtable]$Answer)
    $Answer.memory_written = $false
    try {
        if ($Answer.state -eq 'unchanged' -and $Task.memory_over) {
            # Rolled back already, unless that was killed between the files and the memory.
            $now = [string](Read-ImMemory $state $Task.login $Task.key)
            if ((Get-ImTextDigest $now) -ne $Task.memory_over) { return }
        }
        if ($Answer.state -in @('written', 'unchanged')) {
            Write-ImMemory $state $Task.login $Task.key $Task.memory $module.CheckMode
            $Answer.memory_written = $true
        }
    }
    catch { $Answer.memory_error = ConvertTo-ImError (Get-ImTrouble $_ 'the memory of this group') }
}

function Get-Restored {
    # The groups to write so that what a run changed is as it was before.
    param([hashtable]$Wish)
    Assert-Task $Wish
    Assert-Task @{ login = $Wish.login; run_id = $Wish.new_run_id }
    $login, $run = $Wish.login, $Wish.run_id
    if ($Wish.new_run_id -eq $run) { throw (New-ImTrouble 'bad_request' "run ${run}: a rollback must have a run_id of its own") }
    $told = Read-ImManifest $state $login $run
    if ($null -eq $told) {
        $runs = @(Get-ImRunName $state $login) -join ', '
        $who = if ($login) { $login } else { 'the machine' }
        throw (New-ImTrouble 'no_backup' "${who}: no backup of run $run with a manifest; known: $(if ($runs) { $runs } else { 'none' })")
    }
    foreach ($name in 'paths', 'keys') {
        $there = if ($name -eq 'paths') { $told.files } else { $told.groups }
        $unknown = @($Wish[$name] | Where-Object { $null -ne $_ -and -not $there.Contains($_) })
        if ($unknown.Count) { throw (New-ImTrouble 'bad_request' "run $run wrote no $name $($unknown -join ', ')") }
    }
    foreach ($key in $told.groups.Keys) {
        $paths = @($told.files.Keys | Where-Object { $told.files[$_].key -eq $key -and ($null -eq $Wish.paths -or $_ -in $Wish.paths) })
        if (-not $paths.Count -or ($null -ne $Wish.keys -and $key -notin $Wish.keys)) { continue }
        $kept = $told.groups[$key]
        $back = @{
            key = $key; login = $login; run_id = $Wish.new_run_id; restores = $run; memory = $null; memory_over = $null
            processes = @($kept.processes); locks = @($kept.locks); open_files = @($kept.open_files)
            files = @($paths | ForEach-Object { Get-WayBack $login $run $_ $told.files[$_] })
        }
        # The next run must not take our rollback for the user's wish. Old manifests hold {} where nothing was remembered.
        if ($null -eq $Wish.paths -and $kept.memory_after -is [string]) {
            $back.memory, $back.memory_over = [string]$kept.memory, $kept.memory_after
        }
        $back
    }
}

function Get-WayBack {
    # The file to write so that a path is as it was before the run.
    param([object]$Login, [string]$Run, [string]$Path, [object]$Entry)
    $content = $null
    if ($null -ne $Entry.before) {
        $data = Read-ImKept $state $Login $Run $Path
        if ((Get-ImDigest $data) -ne $Entry.before) { throw (New-ImTrouble 'backup_damaged' "backup $Run of ${Path}: not the bytes that were kept") }
        $content = ConvertTo-ImContent $data
    }
    @{ path = $Path; content = $content; before = $Entry.after; mode = $null; dir_mode = $null }
}

foreach ($name in 'time_limit', 'keep_runs', 'keep_days') {
    if ($module.Params[$name] -lt 1) { $module.FailJson("$name must be at least 1") }
}
$module.Result.changed = $false
$answers = New-Object -TypeName System.Collections.Generic.List[object]

if ($module.Params.action -eq 'list_backups') {
    try { $module.Result.backups = @(Get-ImBackupList $state $module.Params.logins) }
    catch { $module.FailJson((Get-ImTrouble $_ 'the backups').message) }
    $module.ExitJson()
}

if ($module.Params.action -eq 'read') {
    if ($module.Params.logon) {
        try { $known.logon = Get-ImLogonState } catch { $module.FailJson((Get-ImTrouble $_ 'what waits for first logons').message) }
        $module.Result.logon = $known.logon
    }
    $tasks = @($module.Params.requests | ForEach-Object { [hashtable]$_ })
    $seen = Get-ImSeen $tasks
    foreach ($task in $tasks) { $answers.Add((Read-Request $task $seen)) }
}
else {
    $tasks = New-Object -TypeName System.Collections.Generic.List[object]
    if ($module.Params.action -eq 'write') { foreach ($one in $module.Params.groups) { $tasks.Add([hashtable]$one) } }
    else {
        foreach ($one in $module.Params.restores) {
            try { foreach ($task in @(Get-Restored ([hashtable]$one))) { $tasks.Add($task) } }
            catch {
                $lost = ConvertTo-ImError (Get-ImTrouble $_ "backup $($one.run_id)")
                $answers.Add(@{ key = $null; login = $one.login; state = 'failed'; error = $lost; running = @(); conflicts = @(); files = @{}; memory_written = $null; memory_error = $null })
            }
        }
    }
    $seen = Get-ImSeen $tasks
    foreach ($task in $tasks) {
        $answer = Write-Group $task $seen
        $answers.Add($answer)
        if (@($answer.files.Values | Where-Object { $_.written }).Count) { $module.Result.changed = $true }
    }
    if (-not $module.CheckMode) { Clear-ImOldRun $state $module.Params.keep_runs $module.Params.keep_days }
}
$module.Result.answers = $answers
$module.ExitJson()
