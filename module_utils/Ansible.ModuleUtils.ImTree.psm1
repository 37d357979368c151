# Walk the profile of a person, or the folders of the machine, without following anything that leads elsewhere.
# The PowerShell half of module_utils/im_desk/tree.py, opening.py and reading.py.
#
# Windows gives an administrator no way to become a person without a password, so the files are touched as the
# administrator. What is asked of each component of a path, before and again after the new bytes stand beside their
# target: that it is no reparse point (junction, symbolic link, placeholder); and of a file, who owns it.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImNative
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWindows
#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImWire

$LoginLimit = 256 * 1024 * 1024  # bytes read for one login
$MatchLimit = 1000  # files of one pattern
$TempName = '^\.im-client-[0-9a-f]{16}$'
# SYSTEM and the administrators: files that one of them made in a profile, an installer's for instance, are no foreigners'.
$Trusted = @('S-1-5-18', 'S-1-5-32-544')
# Folders of the machine that a path may begin with: /%ProgramData%/...
$MachineFolders = @('ProgramData', 'ProgramFiles', 'ProgramFiles(x86)', 'SystemRoot')
$DeviceNames = '^(CON|PRN|AUX|NUL|COM[0-9]|LPT[0-9])(\..*)?$'

function Split-ImPath {
    # The components of a path; a trouble unless it is plainly relative to the home, or plainly one of the machine's.
    param([string]$Path, [bool]$Machine)
    $kind = if ($Machine) { "absolute, beginning with a folder such as /%ProgramData%/" } else { 'relative to the home' }
    $parts = @($Path.Split([char[]]'/', [StringSplitOptions]::RemoveEmptyEntries))
    if ($Path.StartsWith('/') -ne $Machine -or $parts.Count -lt 1 + [int]$Machine -or $Path.EndsWith('/')) {
        throw (New-ImTrouble 'bad_request' "path '$Path' must name a file and be $kind")
    }
    for ($index = 0; $index -lt $parts.Count; $index++) {
        $part = $parts[$index]
        if ($Machine -and $index -eq 0) {
            if ($part.Trim('%') -notin $MachineFolders -or $part -notmatch '^%.+%$') {
                throw (New-ImTrouble 'bad_request' "path '$Path' must be $kind")
            }
            continue
        }
        # Beside what Windows forbids: ':' names a stream of a file, a dot or space at the end is cut off, '\' separates.
        if ($part -match '[\x00-\x1f\\:"<>|?]|[. ]$' -or $part -eq '**' -or $part -match $DeviceNames) {
            throw (New-ImTrouble 'bad_request' "path '$Path' must not hold '.', '..', '**', '\', ':', names of devices or characters that Windows forbids")
        }
    }
    , $parts
}

function Test-ImRightfulOwner {
    # Whether an owner may be met in the profile of a person: that person, or Windows.
    param([string]$Owner, [string]$Sid)
    $Owner -in ($Trusted + $Sid)
}

function New-ImTree {
    # The tree of a login (empty: the machine): login, sid, home, budget. Looks at nothing below the home.
    param([string]$Login, [hashtable]$Profiles)
    if (-not (Test-ImAdministrator)) {
        throw (New-ImTrouble 'needs_root' 'profiles can only be served by an administrator of this PC')
    }
    if (-not $Login) { return @{ login = $null; sid = ''; home = $null; budget = $LoginLimit } }
    try { $sid = Resolve-ImSid $Login }
    # "nobody of that name" is an answer; that the domain cannot be asked, or does not trust this PC, is none.
    catch { throw (New-ImTrouble 'io' "login '$Login': Windows could not ask the domain who that is (see whether this PC reaches its domain and is still trusted there)") }
    if (-not $sid) { throw (New-ImTrouble 'no_login' "no login '$Login' on this PC or in its domain") }
    if ($sid -notmatch '^S-1-(5-21|12-1)-') { throw (New-ImTrouble 'root_refused' "login '$Login' is an account of Windows, which is not a person") }
    $folder = $Profiles[$sid]
    if (-not $folder -or -not [IO.Directory]::Exists($folder)) {
        $more = if (Test-ImProfileKey $sid) { @{} } else { @{ never_logged_on = $sid } }
        throw (New-ImTrouble 'no_home' "'$Login' has no profile on this PC: nobody of that name has logged on here yet" 'failed' $more)
    }
    if (-not (Test-ImRightfulOwner (Get-ImOwner $folder) $sid)) { throw (New-ImTrouble 'not_owner' "the profile $folder does not belong to $Login") }
    $roaming = Get-ImRoaming $sid $folder
    if ($roaming -and -not $roaming.usual) {
        throw (New-ImTrouble 'link_outside' "the application data of $Login are redirected to $($roaming.place), which is not followed")
    }
    @{ login = $Login; sid = $sid; home = $folder; budget = $LoginLimit }
}

function Get-ImShown {
    # A path for messages: ~/x for a person, /%X%/x for the machine.
    param([hashtable]$Tree, [string[]]$Parts)
    $(if ($null -eq $Tree.login) { '/' } else { '~/' }) + ($Parts -join '/')
}

function Get-Attribute {
    # The attributes of what stands at a full path, nothing if nothing does.
    param([string]$Path)
    try { [IO.File]::GetAttributes($Path) }
    catch {
        $inner = $_.Exception.GetBaseException()
        if ($inner -is [IO.FileNotFoundException] -or $inner -is [IO.DirectoryNotFoundException]) { return $null }
        throw
    }
}

function Find-ImSpot {
    # Where a path ends: path and folder (full), attributes (nothing: absent), missing (folders to be made).
    # A trouble for everything that is not a plain way to a last component.
    param([hashtable]$Tree, [string[]]$Parts)
    $place = $Tree.home
    $start = 0
    if ($null -eq $Tree.login) {
        $place = [Environment]::GetEnvironmentVariable($Parts[0].Trim('%'))
        $start = 1
        if (-not $place) { throw (New-ImTrouble 'bad_request' "$(Get-ImShown $Tree $Parts): this PC has no such folder") }
    }
    $shown = Get-ImShown $Tree $Parts
    $missing = New-Object -TypeName System.Collections.Generic.List[string]
    $attributes = $null
    try {
        for ($index = $start; $index -lt $Parts.Count; $index++) {
            $folder = $place
            $place = [IO.Path]::Combine($place, $Parts[$index])
            $last = $index -eq $Parts.Count - 1
            $attributes = if ($missing.Count) { $null } else { Get-Attribute $place }
            if ($null -eq $attributes) {
                if (-not $last) { $missing.Add($place) }
                continue
            }
            if ($attributes -band [IO.FileAttributes]::ReparsePoint) {
                throw (New-ImTrouble 'link' "$(Get-ImShown $Tree $Parts[0..$index]): a link, junction or placeholder, which is not followed")
            }
            $isFolder = [bool]($attributes -band [IO.FileAttributes]::Directory)
            if ($last -and $isFolder) { throw (New-ImTrouble 'directory' "${shown}: a directory, not a regular file") }
            if (-not $last -and -not $isFolder) { throw (New-ImTrouble 'not_a_directory' "$(Get-ImShown $Tree $Parts[0..$index]): not a directory") }
        }
    }
    catch {
        $trouble = Get-ImTrouble $_ $shown
        throw (New-ImTrouble $trouble.code $trouble.message)
    }
    @{ path = $place; folder = $folder; attributes = $attributes; missing = $missing; shown = $shown }
}

function Read-ImFile {
    # The bytes of the existing file at a spot; a trouble if it is somebody else's, too big, or changes meanwhile.
    param([hashtable]$Tree, [hashtable]$Spot)
    try {
        $bytes = Read-Whole $Tree $Spot
    }
    catch {
        $trouble = Get-ImTrouble $_ $Spot.shown
        throw (New-ImTrouble $trouble.code $trouble.message)
    }
    $Tree.budget -= $bytes.Length
    if ($Tree.budget -lt 0) { throw (New-ImTrouble 'too_big' "$($Spot.shown): more than $LoginLimit bytes in all for one login") }
    , $bytes
}

function Assert-Rightful {
    # A trouble if an open file is somebody else's. Asked of the file itself: its name may lead elsewhere a moment later.
    param([hashtable]$Tree, [hashtable]$Spot, [System.IO.FileStream]$File)
    if (-not $Tree.sid) { return }
    $owner = Get-ImStreamOwner $File
    if (-not (Test-ImRightfulOwner $owner $Tree.sid)) {
        throw (New-ImTrouble 'not_owner' "$($Spot.shown): belongs to $owner, not to $($Tree.login)")
    }
}

function Read-Whole {
    param([hashtable]$Tree, [hashtable]$Spot)
    # Clients may well have it open, and may replace it meanwhile.
    $share = [IO.FileShare]'ReadWrite, Delete'
    for ($attempt = 0; $attempt -lt 3; $attempt++) {
        $file = [IO.File]::Open($Spot.path, [IO.FileMode]::Open, [IO.FileAccess]::Read, $share)
        try {
            Assert-Rightful $Tree $Spot $file
            $length, $when = $file.Length, [IO.File]::GetLastWriteTimeUtc($Spot.path)
            if ($length -gt (Get-ImFileLimit)) { throw (New-ImTrouble 'too_big' "$($Spot.shown): larger than $(Get-ImFileLimit) bytes") }
            $bytes = New-Object -TypeName 'byte[]' -ArgumentList $length
            $done = 0
            while ($done -lt $length) {
                $count = $file.Read($bytes, $done, $length - $done)
                if ($count -eq 0) { break }
                $done += $count
            }
            if ($done -eq $file.Length -and $when -eq [IO.File]::GetLastWriteTimeUtc($Spot.path)) { return , $bytes }
        }
        finally { $file.Dispose() }
    }
    throw (New-ImTrouble 'changing' "$($Spot.shown): changes while it is read, try again later")
}

function Expand-ImPattern {
    # The existing paths, sorted, that a pattern matches, each as its components.
    param([hashtable]$Tree, [string[]]$Parts)
    $found = New-Object -TypeName System.Collections.Generic.List[object]
    $waiting = New-Object -TypeName System.Collections.Generic.Queue[object]
    $waiting.Enqueue($Parts)
    while ($waiting.Count) {
        $pattern = $waiting.Dequeue()
        $star = 0
        while ($star -lt $pattern.Count -and -not $pattern[$star].Contains('*')) { $star++ }
        if ($star -eq $pattern.Count) {
            $found.Add($pattern)
            if ($found.Count -gt $MatchLimit) { throw (New-ImTrouble 'too_many' "$(Get-ImShown $Tree $Parts): matches more than $MatchLimit files") }
            continue
        }
        $above = @($pattern | Select-Object -First $star)
        $rest = @($pattern | Select-Object -Skip ($star + 1))
        foreach ($name in @(Get-Name $Tree $above $pattern[$star])) {
            $next = [string[]]($above + $name + $rest)
            if (-not $rest.Count -or (Test-Existing $Tree $next)) { $waiting.Enqueue($next) }
        }
    }
    , $found
}

function Get-Name {
    # The names in a folder that match a component, sorted; none if there is no such folder.
    param([hashtable]$Tree, [string[]]$Above, [string]$Pattern)
    $folder = if ($Above.Count) {
        try { (Find-ImSpot $Tree ([string[]]($Above + 'x'))).folder }
        catch { if ((Get-ImTrouble $_ '').code -eq 'not_a_directory') { return } else { throw } }
    }
    else { $Tree.home }
    if (-not [IO.Directory]::Exists($folder)) { return }
    $wanted = '^' + ((@($Pattern.Split('*')) | ForEach-Object { [regex]::Escape($_) }) -join '.*') + '$'
    try { $entries = [IO.Directory]::GetFileSystemEntries($folder) }
    catch {
        $trouble = Get-ImTrouble $_ (Get-ImShown $Tree $Above)
        throw (New-ImTrouble $trouble.code $trouble.message)
    }
    $names = $entries | ForEach-Object { [IO.Path]::GetFileName($_) }
    # As in a shell, a star does not stand for a leading dot.
    $names | Where-Object { $_ -match $wanted -and (-not $_.StartsWith('.') -or $Pattern.StartsWith('.')) } | Sort-Object
}

function Test-Existing {
    # Whether something that deserves an answer stands at a path, or, when it still has stars, before the first of them.
    param([hashtable]$Tree, [string[]]$Parts)
    $star = 0
    while ($star -lt $Parts.Count -and -not $Parts[$star].Contains('*')) { $star++ }
    if ($star -lt $Parts.Count) { return $true }
    try { $null -ne (Find-ImSpot $Tree $Parts).attributes }
    catch { (Get-ImTrouble $_ '').code -ne 'not_a_directory' }
}

function Get-ImStray {
    # Full paths of temporary files that a killed run left in a folder.
    param([string]$Folder)
    if (-not [IO.Directory]::Exists($Folder)) { return }
    [IO.Directory]::GetFiles($Folder, '.im-client-*') | Where-Object { [IO.Path]::GetFileName($_) -match $TempName }
}

function Get-ImReport {
    # What the control node needs to know about one path.
    param([hashtable]$Tree, [string[]]$Parts)
    $spot = Find-ImSpot $Tree $Parts
    if ($null -eq $spot.attributes) { return @{ absent = $true; creatable = $true; why = $null } }
    $bytes = Read-ImFile $Tree $spot
    $answer = @{ content = ConvertTo-ImContent $bytes; sha256 = Get-ImDigest $bytes; size = $bytes.Length; mode = $null; writable = $true }
    $obstacle = Get-ImObstacle $spot
    if ($obstacle) { $answer.writable, $answer.why = $false, $obstacle }
    if (@(Get-ImStray $spot.folder).Count) { $answer.strays = $true }
    $answer
}

function Get-ImObstacle {
    # Why a file could not be replaced, as far as its attributes tell; nothing if it could.
    param([hashtable]$Spot)
    if ($null -ne $Spot.attributes -and ($Spot.attributes -band [IO.FileAttributes]::ReadOnly)) { "$($Spot.shown): marked as read-only" }
}

Export-ModuleMember -Function *-Im*
