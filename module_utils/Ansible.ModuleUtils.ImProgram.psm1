# A program that each person has in the own home, such as Gajim portable: copied from the copy that the PC keeps where
# only administrators write. What the person keeps beside it (UserData) is never touched.
# An unpacker that an administrator ran into a home would follow the junctions of whoever lives there; this follows none.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTree
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble

$Kept = 'UserData'  # the person's own, in the folder of the program
$NoName = '.im-client'  # asked of a folder, to learn the way to it

function Get-Leaf {
    # The files below a folder, as "bin/Gajim.exe"; a trouble at whatever leads elsewhere.
    param([string]$Folder, [string]$Shown)
    $waiting = New-Object -TypeName System.Collections.Generic.Queue[string]
    $waiting.Enqueue('')
    while ($waiting.Count) {
        $above = $waiting.Dequeue()
        foreach ($entry in [IO.Directory]::GetFileSystemEntries([IO.Path]::Combine($Folder, $above))) {
            $name = $above + [IO.Path]::GetFileName($entry)
            $attributes = [IO.File]::GetAttributes($entry)
            if ($attributes -band [IO.FileAttributes]::ReparsePoint) {
                throw (New-ImTrouble 'link' "$Shown/${name}: a link, junction or placeholder, which is not followed")
            }
            if ($attributes -band [IO.FileAttributes]::Directory) { $waiting.Enqueue("$name/") } else { $name }
        }
    }
}

function Get-Folder {
    # The full path of a folder that is reached without a link; nothing if it is not there.
    param([hashtable]$Tree, [string[]]$Parts)
    $spot = Find-ImSpot $Tree ([string[]]($Parts + $NoName))
    if (-not $spot.missing.Count) { $spot.folder }
}

function Assert-Program {
    # A trouble unless a folder is empty, or holds the program or what the person keeps of it.
    param([string]$Folder, [object]$Program, [string]$Shown)
    $names = @([IO.Directory]::GetFileSystemEntries($Folder) | ForEach-Object { [IO.Path]::GetFileName($_) } | Where-Object { $_ -ne $Kept })
    if (-not $names.Count) { return }
    foreach ($sign in @($Program.signs) + $Program.marker) { if ([IO.File]::Exists([IO.Path]::Combine($Folder, $sign))) { return } }
    throw (New-ImTrouble 'foreign_program' "${Shown}: holds something else than the program that is to be laid there")
}

function Get-ImProgramPlan {
    # What has to be copied to a home and deleted there, so that the program is that of the PC's copy. Looks only.
    # Check: the PC's copy may not be there yet.
    param([hashtable]$Tree, [object]$Program, [bool]$Check)
    $to = Split-ImPath $Program.folder $false
    $plan = @{ to = $to; files = @(); stale = @(); store = ''; size = [long]0 }
    $there = Get-Folder $Tree $to
    if ($there) { Assert-Program $there $Program (Get-ImShown $Tree $to) }
    $machine = @{ login = $null; sid = ''; home = $null; budget = [long]0 }
    $plan.store = Get-Folder $machine (Split-ImPath $Program.store $true)
    if (-not $plan.store -or -not [IO.File]::Exists([IO.Path]::Combine($plan.store, $Program.proof))) {
        if ($Check) { return $plan }
        throw (New-ImTrouble 'no_program' "$($Program.store): no whole copy of the program on this PC")
    }
    # Shortcuts beside the folders lead to the PC's copy.
    $plan.files = @(Get-Leaf $plan.store $Program.store | Where-Object { $_ -notlike "$Kept/*" -and ($_ -like '*/*' -or $_ -notlike '*.lnk') })
    # What tells the folder from a stranger's comes first: a run may be cut off.
    $plan.files = @($plan.files | Sort-Object -Property @{ Expression = { $_ -ne $Program.signs[0] } })
    foreach ($name in $plan.files) { $plan.size += (New-Object -TypeName System.IO.FileInfo -ArgumentList ([IO.Path]::Combine($plan.store, $name))).Length }
    $wanted = New-Object -TypeName 'System.Collections.Generic.HashSet[string]' -ArgumentList ([string[]]($plan.files + $Program.marker)), ([StringComparer]::OrdinalIgnoreCase)
    foreach ($top in @($plan.files | Where-Object { $_ -like '*/*' } | ForEach-Object { $_.Split('/')[0] } | Sort-Object -Unique)) {
        $folder = Get-Folder $Tree ([string[]]($to + $top))
        if (-not $folder) { continue }
        $old = @(Get-Leaf $folder (Get-ImShown $Tree ([string[]]($to + $top))) | ForEach-Object { "$top/$_" })
        $plan.stale += @($old | Where-Object { -not $wanted.Contains($_) })
    }
    $disk = New-Object -TypeName System.IO.DriveInfo -ArgumentList ([IO.Path]::GetPathRoot($Tree.home))
    if ($plan.size -gt $disk.AvailableFreeSpace) { throw (New-ImTrouble 'no_space' "$(Get-ImShown $Tree $to): no space left on the disk") }
    $plan
}

function Copy-Leaf {
    # Copy a file to a name that nothing has yet, for somebody.
    param([string]$From, [string]$To, [string]$Sid)
    $old = [IO.File]::OpenRead($From)
    try {
        $new = New-ImFile $To $Sid
        try { $old.CopyTo($new) } finally { $new.Dispose() }
    }
    finally { $old.Dispose() }
    # Python asks for the date of a module before it trusts what was compiled of it.
    [IO.File]::SetLastWriteTimeUtc($To, [IO.File]::GetLastWriteTimeUtc($From))
}

function Copy-ImProgram {
    # Do what a plan says. Each file appears under its name as a whole, and is the person's; folders: see ImChange.
    param([hashtable]$Tree, [hashtable]$Plan)
    foreach ($name in $Plan.files) {
        $parts = [string[]]($Plan.to + $name.Split('/'))
        $spot = Find-ImSpot $Tree $parts
        try {
            foreach ($folder in $spot.missing) { $null = [IO.Directory]::CreateDirectory($folder) }
            $temp = [IO.Path]::Combine($spot.folder, '.im-client-' + [Guid]::NewGuid().ToString('N').Substring(0, 16))
            try {
                Copy-Leaf ([IO.Path]::Combine($Plan.store, $name)) $temp $Tree.sid
                $spot = Find-ImSpot $Tree $parts  # walked anew, now that the new file stands beside it
                Move-ImInto $temp $spot.path
            }
            finally { [IO.File]::Delete($temp) }
        }
        catch {
            $trouble = Get-ImTrouble $_ $spot.shown
            throw (New-ImTrouble $trouble.code $trouble.message)
        }
    }
    foreach ($name in $Plan.stale) {
        $spot = Find-ImSpot $Tree ([string[]]($Plan.to + $name.Split('/')))
        if ($null -ne $spot.attributes) { [IO.File]::Delete($spot.path) }
    }
}

Export-ModuleMember -Function *-Im*
