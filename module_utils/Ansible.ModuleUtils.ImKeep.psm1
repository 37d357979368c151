# What this PC keeps for administrators alone: the previous bytes of what a run replaced, and what the control node
# wants to remember. The PowerShell half of module_utils/im_desk/private_files.py, backups.py and memory.py; the
# manifests have the same schema.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTree
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWire

$Machine = '_machine'
$Manifest = 'manifest.json'
$Gone = '.gone-'  # begins the name of a run that is being removed
$MemoryLimit = 1024 * 1024  # bytes of one memory
# SYSTEM and the administrators may do everything, nobody else anything; nothing is inherited from above.
$PrivateAccess = 'O:BAD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)'
$Administrators = 'S-1-5-32-544'
$Strict = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false, $true

function Get-ImStateDirectory {
    param([string]$Wished)
    if ($Wished) { $Wished } else { [IO.Path]::Combine($env:ProgramData, 'im_client') }
}

function Assert-Private {
    # A trouble unless a directory is a real one that only administrators own and may use. Everybody may create
    # directories in ProgramData: what stands there before us may be a trap.
    param([string]$Path)
    $attributes = [IO.File]::GetAttributes($Path)
    $security = Get-ImSecurity $Path
    $owner = [regex]::Match($security, '^O:(SY|BA|S-1-5-18|S-1-5-32-544)(?=[GD]:)').Success
    $entries = [regex]::Matches([regex]::Match($security, 'D:.*').Value, '\(([^)]*)\)')
    $others = @($entries | Where-Object { $_.Groups[1].Value.Split(';')[5] -notin @('SY', 'BA', 'S-1-5-18', $Administrators) })
    $plain = ($attributes -band [IO.FileAttributes]::Directory) -and -not ($attributes -band [IO.FileAttributes]::ReparsePoint)
    if (-not ($plain -and $owner -and $entries.Count -and -not $others.Count)) {
        # Loud, with the way out: whoever laid it there would keep us out for ever.
        $way = 'an administrator has to look at it and remove it, and the next run makes it anew'
        throw (New-ImTrouble 'not_owner' "${Path}: not a directory that only administrators own and may use; $way")
    }
}

function New-PrivateDirectory {
    # Make a directory below the state directory, and that one, if need be; prove that each is ours alone.
    param([string]$State, [string[]]$Below)
    $place = $State
    foreach ($name in @('') + $Below) {
        if ($name) { $place = [IO.Path]::Combine($place, $name) }
        # Private from the first: whoever may lay something at this name meanwhile gets nothing of it.
        New-ImFolder $place $PrivateAccess
        Assert-Private $place
    }
    $place
}

function Write-ImWhole {
    # Put bytes at a path, in one step and safely on the disk.
    param([string]$Path, [byte[]]$Data)
    $temp = "$Path.new"
    [IO.File]::Delete($temp)  # of a run that was killed
    $file = [IO.File]::Open($temp, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write, [IO.FileShare]::None)
    try {
        $file.Write($Data, 0, $Data.Length)
        $file.Flush($true)
    }
    finally { $file.Dispose() }
    Move-ImInto $temp $Path
}

function Get-FolderName {
    # A login as the name of a folder. Windows knows names with "\", and gives names such as CON to devices.
    param([string]$Login)
    if (-not $Login) { return $Machine }
    $name = [regex]::Replace($Login, '[^A-Za-z0-9._@-]|^[.]|[.]$', { param($found) -join ([Text.Encoding]::UTF8.GetBytes($found.Value) | ForEach-Object { '%{0:X2}' -f $_ }) })
    if ($name -match '^(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\..*)?$') { "%$name" } else { $name }
}

function Get-LoginOf {
    # The login whose folder it is, $null for the machine.
    param([string]$Folder)
    if ($Folder -eq $Machine) { return $null }
    if ($Folder -match '^%(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\..*)?$') { return $Folder.Substring(1) }
    [Uri]::UnescapeDataString($Folder)
}

function Get-RunFolder {
    param([string]$State, [string]$Login, [string]$Run)
    [IO.Path]::Combine($State, 'backups', (Get-FolderName $Login), $Run)
}

function ConvertTo-Table {
    # An object of JSON as a dictionary that keeps the order.
    param([object]$Value)
    $table = [ordered]@{}
    if ($null -ne $Value) { foreach ($one in $Value.PSObject.Properties) { $table[$one.Name] = $one.Value } }
    $table
}

function Read-ImManifest {
    # The manifest of a run: when, restores, files and groups. $null if it has none; a trouble if nobody can read it.
    param([string]$State, [string]$Login, [string]$Run)
    $path = [IO.Path]::Combine((Get-RunFolder $State $Login $Run), $Manifest)
    if (-not [IO.File]::Exists($path)) { return $null }
    $who = if ($Login) { $Login } else { 'the machine' }
    try {
        $told = ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($path))
        if ($told.schema -ne 1 -or $null -eq $told.files -or $null -eq $told.groups) { throw 'another schema' }
        # PowerShell 7 makes a date of what looks like one.
        $when = if ($told.when -is [datetime]) { Format-ImTime $told.when } else { $told.when }
        @{ when = $when; restores = $told.restores; files = ConvertTo-Table $told.files; groups = ConvertTo-Table $told.groups }
    }
    catch { throw (New-ImTrouble 'backup_damaged' "backup $Run of ${who}: its manifest is not one that this version understands") }
}

function Format-ImTime {
    param([datetime]$When)
    $When.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)
}

function Save-ImPrevious {
    # Keep what stood at the paths of a group before it is written: Changes (path, old, new), Memory (before), and say so
    # in the manifest. Returns what to take back if the group is not written: run, made, kept, manifest before.
    # What the manifest of the same run promises already stays: it is older.
    param([string]$State, [hashtable]$Task, [object[]]$Changes, [object]$Memory)
    $login, $run = $Task.login, $Task.run_id
    $top = Get-RunFolder $State $login $run
    $taken = @{ top = $top; made = New-Object -TypeName System.Collections.Generic.List[string]; paths = @(); before = $null; stood = $false }
    try {
        $null = New-PrivateDirectory $State @('backups', (Get-FolderName $login), $run)
        $known = Read-ImManifest $State $login $run
        $place = [IO.Path]::Combine($top, $Manifest)
        $taken.stood = $null -ne $known
        if ($taken.stood) { $taken.before = [IO.File]::ReadAllBytes($place) }
        else { $known = @{ restores = $Task.restores; files = [ordered]@{}; groups = [ordered]@{} } }
        foreach ($change in $Changes) {
            $parts = Split-ImPath $change.path ($null -eq $login)
            if ($parts[0] -in @($Manifest, "$Manifest.new")) { throw (New-ImTrouble 'backup_failed' "path '$($change.path)': this name belongs to the backups") }
            $first = $known.files[$change.path]
            if ($null -eq $first -and $null -ne $change.old) {
                $file = [IO.Path]::Combine($top, ($parts -join [IO.Path]::DirectorySeparatorChar))
                $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($file))
                $taken.made.Add($file)
                Write-ImWhole $file $change.old
            }
            $known.files[$change.path] = [ordered]@{
                key = $Task.key
                before = if ($first) { $first.before } else { $change.old_digest }
                after = $change.new_digest
                mode = $null
                mode_after = $null
            }
        }
        $earlier = $known.groups[$Task.key]
        $known.groups[$Task.key] = [ordered]@{
            processes = @($Task.processes)
            locks = @($Task.locks)
            open_files = @($Task.open_files)
            memory = if ($earlier) { $earlier.memory } else { $Memory }
            # Without else, PowerShell would write the nothing of an if as {}.
            memory_after = if ($null -ne $Task.memory) { Get-ImTextDigest $Task.memory } else { $null }
        }
        $whole = [ordered]@{ schema = 1; when = Format-ImTime ([DateTime]::UtcNow); restores = $known.restores; files = $known.files; groups = $known.groups }
        Write-ImWhole $place ([Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $whole -Depth 10)))
        $taken.paths = @($Changes | Where-Object { $null -ne $_.old } | ForEach-Object { $_.path })
    }
    catch {
        $trouble = Get-ImTrouble $_ $State
        Undo-ImPrevious $taken
        throw (New-ImTrouble 'backup_failed' $trouble.message)
    }
    $taken
}

function Undo-ImPrevious {
    # Take back what Save-ImPrevious kept for a group that was not written: first the promise, then the bytes.
    param([hashtable]$Taken)
    $place = [IO.Path]::Combine($Taken.top, $Manifest)
    try {
        if ($Taken.stood) { if ($null -ne $Taken.before) { Write-ImWhole $place $Taken.before } }
        else { [IO.File]::Delete($place) }
        foreach ($file in $Taken.made) {
            [IO.File]::Delete($file)
            [IO.File]::Delete("$file.new")
            for ($above = [IO.Path]::GetDirectoryName($file); $above.Length -gt $Taken.top.Length; $above = [IO.Path]::GetDirectoryName($above)) {
                if ([IO.Directory]::GetFileSystemEntries($above).Count) { break }
                [IO.Directory]::Delete($above)
            }
        }
        if ([IO.Directory]::Exists($Taken.top) -and -not [IO.Directory]::GetFileSystemEntries($Taken.top).Count) { [IO.Directory]::Delete($Taken.top) }
    }
    catch { $null = $_ }  # the promise stands, and it is true: the bytes are there
}

function Read-ImKept {
    # The bytes that a run kept of a path, empty if they are gone.
    param([string]$State, [string]$Login, [string]$Run, [string]$Path)
    $parts = Split-ImPath $Path (-not $Login)
    $file = [IO.Path]::Combine((Get-RunFolder $State $Login $Run), ($parts -join [IO.Path]::DirectorySeparatorChar))
    $bytes = if ([IO.File]::Exists($file)) { [IO.File]::ReadAllBytes($file) } else { New-Object -TypeName 'byte[]' -ArgumentList 0 }
    , $bytes
}

function Get-Run {
    # The folders of the runs of a login, the newest first.
    param([string]$Folder)
    if (-not [IO.Directory]::Exists($Folder)) { return }
    [IO.Directory]::GetDirectories($Folder) | Where-Object { -not [IO.Path]::GetFileName($_).StartsWith($Gone) } |
        Sort-Object -Property { Get-Age $_ }, { [IO.Path]::GetFileName($_) } -Descending
}

function Get-Age {
    # When a run was last written to: its manifest is written at each step of it.
    param([string]$Folder)
    $file = [IO.Path]::Combine($Folder, $Manifest)
    if ([IO.File]::Exists($file)) { [IO.File]::GetLastWriteTimeUtc($file) } else { [IO.Directory]::GetLastWriteTimeUtc($Folder) }
}

function Clear-ImOldRun {
    # Remove the runs that are too many or too old, never the newest of a login.
    param([string]$State, [int]$KeepRuns, [int]$KeepDays)
    $top = [IO.Path]::Combine($State, 'backups')
    if (-not [IO.Directory]::Exists($top)) { return }
    $oldest = [DateTime]::UtcNow.AddDays(-$KeepDays)
    foreach ($folder in [IO.Directory]::GetDirectories($top)) {
        try {
            $runs = @(Get-Run $folder)
            for ($index = 1; $index -lt $runs.Count; $index++) {
                if ($index -ge $KeepRuns -or (Get-Age $runs[$index]) -lt $oldest) {
                    # First out of the listing, then away: killed in between, no run promises what is gone.
                    [IO.Directory]::Move($runs[$index], [IO.Path]::Combine($folder, $Gone + [IO.Path]::GetFileName($runs[$index])))
                }
            }
            foreach ($left in [IO.Directory]::GetDirectories($folder, "$Gone*")) { [IO.Directory]::Delete($left, $true) }
        }
        catch { $null = $_ }  # the answers are worth more than the room on the disk
    }
}

function Get-ImRunName {
    # The names of the runs of a login, the newest first.
    param([string]$State, [string]$Login)
    @(Get-Run ([IO.Path]::Combine($State, 'backups', (Get-FolderName $Login))) | ForEach-Object { [IO.Path]::GetFileName($_) })
}

function Get-ImBackupList {
    # What is kept: [{login, runs}], the machine first; see RETURN of im_profile_files.
    param([string]$State, [object]$Logins)
    $top = [IO.Path]::Combine($State, 'backups')
    if (-not [IO.Directory]::Exists($top)) { return }
    Assert-Private $top
    $folders = @([IO.Directory]::GetDirectories($top) | ForEach-Object { [IO.Path]::GetFileName($_) })
    foreach ($folder in @($folders | Sort-Object -Property @{ Expression = { $_ -ne $Machine } }, @{ Expression = { $_ } })) {
        $login = Get-LoginOf $folder
        $name = if ($null -eq $login) { $Machine } else { $login }
        if ($null -ne $Logins -and $name -notin $Logins) { continue }
        $runs = @(Get-ImRunName $State $login | ForEach-Object { Get-Described $State $login $_ })
        @{ login = $login; runs = $runs }
    }
}

function Get-Described {
    param([string]$State, [string]$Login, [string]$Run)
    $answer = @{ run_id = $Run; when = $null; restores = $null; groups = @(); files = @(); error = $null }
    $who = if ($Login) { $Login } else { 'the machine' }
    try {
        $told = Read-ImManifest $State $Login $Run
        if ($null -eq $told) { throw (New-ImTrouble 'no_manifest' "backup $Run of ${who}: kept without a manifest") }
        $answer.when, $answer.restores = $told.when, $told.restores
        $answer.groups = @($told.groups.Keys | Sort-Object)
        $answer.files = @($told.files.Keys | Sort-Object | ForEach-Object {
                $entry = $told.files[$_]
                @{ path = $_; key = $entry.key; before = $entry.before; after = $entry.after; mode = $entry.mode }
            })
    }
    catch { $answer.error = ConvertTo-ImError (Get-ImTrouble $_ "backup $Run") }
    $answer
}

function Get-MemoryFile {
    param([string]$State, [string]$Login, [string]$Key)
    [IO.Path]::Combine($State, 'memory', (Get-FolderName $Login), (Get-ImTextDigest $Key) + '.json')
}

function Read-ImMemory {
    # What is remembered under a key, $null if nothing is; a trouble if what stands there cannot be trusted.
    param([string]$State, [string]$Login, [string]$Key)
    $shown = 'the memory of this group'
    $path = Get-MemoryFile $State $Login $Key
    $folder = [IO.Path]::GetDirectoryName($path)
    try {
        if (-not [IO.Directory]::Exists($folder)) { return $null }
        Assert-Private $folder
        if (-not [IO.File]::Exists($path)) { return $null }
        $data = [IO.File]::ReadAllBytes($path)
        if ($data.Length -gt $MemoryLimit) { throw (New-ImTrouble 'too_big' "${shown}: larger than $MemoryLimit bytes") }
        $Strict.GetString($data)
    }
    catch {
        if ($_.Exception.GetBaseException() -is [Text.DecoderFallbackException]) { throw (New-ImTrouble 'malformed' "${shown}: not text in UTF-8") }
        $trouble = Get-ImTrouble $_ $shown
        throw (New-ImTrouble $trouble.code $trouble.message)
    }
}

function Write-ImMemory {
    # Remember a text under a key, forget it when it is empty; a trouble if it cannot be kept. Check: write nothing.
    param([string]$State, [string]$Login, [string]$Key, [string]$Memory, [bool]$Check)
    $shown = 'the memory of this group'
    try {
        try { $data = $Strict.GetBytes($Memory) }
        catch { throw (New-ImTrouble 'bad_request' "${shown}: not text in UTF-8") }
        if ($data.Length -gt $MemoryLimit) { throw (New-ImTrouble 'too_big' "${shown}: larger than $MemoryLimit bytes") }
        $path = Get-MemoryFile $State $Login $Key
        $folder = [IO.Path]::GetDirectoryName($path)
        if ($Check) {
            if ([IO.Directory]::Exists($folder)) { Assert-Private $folder }
            return
        }
        if (-not $data.Length) {
            if ([IO.Directory]::Exists($folder)) { [IO.File]::Delete($path) }
            return
        }
        $null = New-PrivateDirectory $State @('memory', (Get-FolderName $Login))
        Write-ImWhole $path $data
    }
    catch {
        $trouble = Get-ImTrouble $_ $shown
        throw (New-ImTrouble $trouble.code $trouble.message)
    }
}

Export-ModuleMember -Function *-Im*
