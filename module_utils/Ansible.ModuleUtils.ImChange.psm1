# Write a group of files, all of them or none. The PowerShell half of module_utils/im_desk/change.py and writing.py.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImKeep
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImProgram
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImRunning
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTree
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWire

function New-Change {
    # One file on its way from the bytes that were read to the new ones. Looks at what stands there, writes nothing.
    param([hashtable]$Tree, [object]$Wish)
    if ($Wish.mode -or $Wish.dir_mode) { throw (New-ImTrouble 'bad_request' "path '$($Wish.path)': Windows knows no modes") }
    $parts = Split-ImPath $Wish.path ($null -eq $Tree.login)
    $new = if ($null -ne $Wish.content) { , (ConvertFrom-ImContent $Wish.content $Wish.path) }
    $spot = Find-ImSpot $Tree $parts
    $old = if ($null -ne $spot.attributes) { , (Read-ImFile $Tree $spot) }
    @{
        path = $Wish.path
        parts = $parts
        shown = $spot.shown
        spot = $spot
        before = $Wish.before
        new = $new
        new_digest = Get-ImDigest $new
        old = $old
        old_digest = Get-ImDigest $old
        temp = $null
        made = New-Object -TypeName System.Collections.Generic.List[string]
        written = $false
    }
}

function New-Temporary {
    # The bytes, safely on the disk, beside their target, and already the property of who is to have them.
    param([hashtable]$Tree, [hashtable]$Change, [byte[]]$Data)
    $random = New-Object -TypeName 'byte[]' -ArgumentList 8
    $source = [System.Security.Cryptography.RandomNumberGenerator]::Create()
    try { $source.GetBytes($random) } finally { $source.Dispose() }
    $name = '.im-client-' + [BitConverter]::ToString($random).Replace('-', '').ToLowerInvariant()
    # Noted first: what was made and could not be given away is to go again.
    $Change.temp = [IO.Path]::Combine($Change.spot.folder, $name)
    # Its access list is what the folder hands down; whose it is, is ours to say.
    $file = New-ImFile $Change.temp $Tree.sid
    try {
        $file.Write($Data, 0, $Data.Length)
        $file.Flush($true)
    }
    finally { $file.Dispose() }
}

function Initialize-Change {
    # Make missing folders and put the new bytes beside the target. A folder stays the administrators': the person may
    # do everything in it, as the folder above hands down, and could not be given it by a name without a risk.
    param([hashtable]$Tree, [hashtable]$Change)
    if ($null -eq $Change.new) { return }
    foreach ($folder in $Change.spot.missing) {
        if ([IO.Directory]::Exists($folder)) { continue }  # made for another file of the group
        $null = [IO.Directory]::CreateDirectory($folder)
        $Change.made.Add($folder)
    }
    New-Temporary $Tree $Change $Change.new
}

function Get-Standing {
    # The digest of what stands at the path of a change now, walked anew; nothing if nothing does.
    param([hashtable]$Tree, [hashtable]$Change)
    $spot = Find-ImSpot $Tree $Change.parts
    if ($null -ne $spot.attributes) { Get-ImDigest (Read-ImFile $Tree $spot) } else { $null }
}

function Complete-Change {
    # Put the new bytes in place of the old, or delete the file.
    param([hashtable]$Change)
    if ($null -eq $Change.new) { [IO.File]::Delete($Change.spot.path) }
    else {
        try { Move-ImInto $Change.temp $Change.spot.path }
        catch {
            # A replacement that broke off (error 1176) has taken the old file away: Undo-Change is to put it back.
            $Change.written = $null -ne $Change.old -and -not [IO.File]::Exists($Change.spot.path)
            throw
        }
        $Change.temp = $null
    }
    $Change.written = $true
}

function Undo-Change {
    # Put the old bytes back if the new ones still stand there, or nothing; written stays true if that fails.
    param([hashtable]$Tree, [hashtable]$Change)
    try {
        $now = Get-Standing $Tree $Change
        if ($null -eq $now -or $now -eq $Change.new_digest) {
            if ($null -eq $Change.old) { [IO.File]::Delete($Change.spot.path) }
            else {
                if ($Change.temp) { [IO.File]::Delete($Change.temp) }
                New-Temporary $Tree $Change $Change.old
                Move-ImInto $Change.temp $Change.spot.path
                $Change.temp = $null
            }
        }
        $Change.written = $false  # or somebody wrote after us: it is theirs now
    }
    catch { $null = $_ }
}

function Clear-Change {
    # Remove the temporary file and, if the group failed, the folders made for it.
    param([hashtable]$Change, [bool]$Failed)
    try {
        if ($Change.temp) { [IO.File]::Delete($Change.temp) }
        if ($Failed) {
            for ($index = $Change.made.Count - 1; $index -ge 0; $index--) { [IO.Directory]::Delete($Change.made[$index]) }
        }
    }
    catch { $null = $_ }  # not empty: somebody uses it
}

function Assert-NotRunning {
    param([hashtable]$Tree, [hashtable]$Task, [object]$Seen)
    $signs = @(Get-ImSign $Tree $Task $Seen)
    if ($signs.Count) { throw (New-ImTrouble 'running' 'the client runs' 'deferred' @{ running = $signs }) }
}

function New-Conflict {
    # The trouble that names all files that are not as expected.
    param([object[]]$Changes, [hashtable]$Task)
    $shown = @($Changes | ForEach-Object { $_.shown }) -join ', '
    $since = if ($Task.restores) { "run $($Task.restores) wrote it; left as it is" } else { 'it was read; read it again and merge again' }
    New-ImTrouble 'conflict' "${shown}: changed since $since" 'conflict' @{ conflicts = @($Changes | ForEach-Object { $_.path }) }
}

function Assert-Possible {
    # The trouble that writing would meet, as far as it can be seen.
    param([object[]]$Changes)
    $needed = @{}
    foreach ($change in $Changes) {
        $obstacle = Get-ImObstacle $change.spot
        if ($obstacle) { throw (New-ImTrouble 'read_only' $obstacle) }
        if ($null -eq $change.new) { continue }
        $disk = New-Object -TypeName System.IO.DriveInfo -ArgumentList ([IO.Path]::GetPathRoot($change.spot.path))
        $needed[$disk.Name] = [long]$needed[$disk.Name] + $change.new.Length
        if ($needed[$disk.Name] -gt $disk.AvailableFreeSpace) { throw (New-ImTrouble 'no_space' "$($change.shown): no space left on the disk") }
    }
}

function Invoke-Change {
    # Write all changes, or throw and leave things as they were, as far as possible.
    param([hashtable]$Tree, [hashtable]$Task, [object[]]$Changes)
    $failed = $true
    try {
        foreach ($change in $Changes) { Initialize-Change $Tree $change }  # what needs room on the disk comes first
        foreach ($change in $Changes) {
            Assert-NotRunning $Tree $Task $null
            if ((Get-Standing $Tree $change) -ne $change.old_digest) { throw (New-Conflict @($change) $Task) }
            try { Complete-Change $change }
            catch {
                $trouble = Get-ImTrouble $_ $change.shown
                throw (New-ImTrouble $trouble.code $trouble.message)
            }
        }
        $failed = $false
    }
    finally {
        if ($failed) {
            for ($index = $Changes.Count - 1; $index -ge 0; $index--) { if ($Changes[$index].written) { Undo-Change $Tree $Changes[$index] } }
        }
        for ($index = $Changes.Count - 1; $index -ge 0; $index--) { Clear-Change $Changes[$index] $failed }
    }
}

function Write-ImGroup {
    # Write one group if it may be: state, running, error, conflicts and files of its answer.
    param([hashtable]$Tree, [hashtable]$Task, [object]$Seen, [bool]$Check, [string]$State)
    $answer = @{ state = 'unchanged'; running = @(); error = $null; conflicts = @(); files = @{} }
    $changes = New-Object -TypeName System.Collections.Generic.List[object]
    $taken = $null
    try {
        if (@($Task.files).Count) { Assert-NotRunning $Tree $Task $Seen }  # a memory alone is no business of the client's
        foreach ($wish in $Task.files) {
            if (@($changes | Where-Object { $_.path -eq $wish.path }).Count) { throw (New-ImTrouble 'bad_request' "path '$($wish.path)' stands twice in one group") }
            $changes.Add((New-Change $Tree $wish))
        }
        $foreign = @($changes | Where-Object { $_.old_digest -ne $_.new_digest -and $_.old_digest -ne $_.before })
        if ($foreign.Count) { throw (New-Conflict $foreign $Task) }
        $needed = @($changes | Where-Object { $_.old_digest -ne $_.new_digest })
        if ($needed.Count) { Assert-Possible $needed }
        $program = if ($Task.program) { Get-ImProgramPlan $Tree $Task.program $Check }
        if (-not $Check) {
            foreach ($change in $changes) { Clear-Stray $change.spot.folder }
            if ($needed.Count) {
                $memory = $null
                if ($null -ne $Task.memory) {
                    # What cannot be trusted is not put back either.
                    try { $memory = Read-ImMemory $State $Task.login $Task.key } catch { $null = $_ }
                }
                $taken = Save-ImPrevious $State $Task $needed $memory
                if ($program) {
                    Assert-NotRunning $Tree $Task $null
                    # Before the file that says which version stands there: a run that is cut off copies again.
                    Copy-ImProgram $Tree $program
                }
                Invoke-Change $Tree $Task $needed
            }
        }
        foreach ($change in $needed) { $change.written = $true }
        if ($needed.Count) { $answer.state = 'written' }
    }
    catch {
        $trouble = Get-ImTrouble $_ "group '$($Task.key)'"
        $answer.state = $trouble.state
        if ($trouble.more.running) { $answer.running = $trouble.more.running } else { $answer.error = ConvertTo-ImError $trouble }
        if ($trouble.more.conflicts) { $answer.conflicts = $trouble.more.conflicts }
        $stuck = @($changes | Where-Object { $_.written } | ForEach-Object { $_.shown })
        if ($stuck.Count) {
            $answer.state = 'failed'
            $message = "$($trouble.message); new bytes that could not be taken back: $($stuck -join ', ')"
            $answer.error = @{ code = 'incomplete'; message = $message }
        }
        elseif ($taken) { Undo-ImPrevious $taken }
    }
    foreach ($change in $changes) {
        $answer.files[$change.path] = @{ backup = ($change.written -and $null -ne $change.old); written = $change.written }
    }
    $answer
}

function Clear-Stray {
    # Remove temporary files that a killed run left. Those of a living one cannot be deleted: it has them open.
    param([string]$Folder)
    foreach ($stray in @(Get-ImStray $Folder)) { try { [IO.File]::Delete($stray) } catch { $null = $_ } }
}

Export-ModuleMember -Function *-Im*
