# Laid down by im_client. Lays the messaging profiles that wait for the person who logs on, where that person has none.
#
# A scheduled task runs it at each logon, as that person and with no other rights. What waits was computed on the control
# node for an empty profile, so nothing is merged here: a client that has any file already is left to the next run, and no
# byte of it changes. It never fails a logon, asks nothing and shows nothing. What it did stands in
# %LOCALAPPDATA%\im_client\first-logon.json. See docs/decisions/first-login.md.

$ErrorActionPreference = 'Stop'
$who = [System.Security.Principal.WindowsIdentity]::GetCurrent()
$sid = $who.User.Value
$utf8 = New-Object -TypeName System.Text.UTF8Encoding -ArgumentList $false
$TempName = '^\.im-client-[0-9a-f]{16}$'  # as the next run knows and removes what a killed one left
# Windows' own administrator and guest, and what is no account of a person at all.
$person = $sid -match '^S-1-(5-21|12-1)-' -and $sid -notmatch '^S-1-5-21-.*-50[0-4]$'

function Get-Wish {
    # What waits for this person, else what there is for anybody who has no seat here; nothing when there is neither.
    $place = [IO.Path]::Combine($PSScriptRoot, 'first-logon')
    foreach ($name in $sid, 'anybody') {
        $file = [IO.Path]::Combine($place, "$name.json")
        if ([IO.File]::Exists($file)) { return ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($file)) }
    }
}

function Get-Account {
    # The JID that the site's rule gives to this login: a table by lower-case logins, else the shape prenom.nom.
    param([object]$Rule)
    $login = $who.Name.Split('\')[-1].ToLowerInvariant()
    if ($login -in $Rule.seats) { return }
    $named = $Rule.jids.PSObject.Properties[$login]
    $jid = if ($named) { $named.Value } elseif ($Rule.domain -and $login -cmatch "\A(?:$($Rule.shape))\z") { "$login@$($Rule.domain)" }
    if ($jid -and $jid.Length -le 255 -and $jid -cmatch "\A(?:$($Rule.fit))\z") { $jid }
}

function Get-Checksum {
    # CRC-32 of a text (RFC 1952, 8): the numbers of Pidgin's statuses are made of it.
    param([string]$Text)
    $sum = [uint32]::MaxValue
    foreach ($byte in $utf8.GetBytes($Text)) {
        $sum = [uint32]($sum -bxor $byte)
        for ($bit = 0; $bit -lt 8; $bit++) {
            $low = $sum -band 1
            $sum = [uint32]($sum -shr 1)
            if ($low) { $sum = [uint32]($sum -bxor [uint32]3988292384) }
        }
    }
    [uint32]($sum -bxor [uint32]::MaxValue)
}

function Get-Filled {
    # The bytes of a text with an account in the place of the one that nobody has, in one pass.
    param([byte[]]$Data, [object]$Rule, [string]$Account)
    $known = @{ $Rule.localpart = $Account.Split('@')[0]; $Rule.placeholder = $Account.Split('@')[1] }
    foreach ($use in $Rule.status_ids.PSObject.Properties) {
        $known["$($use.Value)"] = "$(1000000000 + (Get-Checksum "$Account $($use.Name)") % 100000000)"
    }
    $pattern = @($known.Keys | ForEach-Object { [regex]::Escape($_) }) -join '|'
    $filled = [regex]::Replace($utf8.GetString($Data), $pattern, { param($found) $known[$found.Value] })
    , $utf8.GetBytes($filled)
}

function Get-Target {
    # Where a path of a profile is in this session: application data may be redirected.
    param([string]$Path)
    $known = @{ Roaming = 'ApplicationData'; Local = 'LocalApplicationData' }
    $parts = $Path.Split('/')
    $top, $rest = 'UserProfile', $parts
    if ($parts[0] -eq 'AppData' -and $known[$parts[1]]) { $top, $rest = $known[$parts[1]], $parts[2..($parts.Count - 1)] }
    $folder = [Environment]::GetFolderPath($top)
    if (-not $folder) { throw "this session has no folder $top" }
    [IO.Path]::Combine($folder, ($rest -join [IO.Path]::DirectorySeparatorChar))
}

function Expand-Packed {
    # The bytes of a file that waits: gzip in base64.
    param([string]$Packed)
    $given = New-Object -TypeName System.IO.MemoryStream -ArgumentList (, [Convert]::FromBase64String($Packed))
    $engine = New-Object -TypeName System.IO.Compression.GZipStream -ArgumentList $given, ([IO.Compression.CompressionMode]::Decompress)
    $whole = New-Object -TypeName System.IO.MemoryStream
    $engine.CopyTo($whole)
    , $whole.ToArray()
}

function Test-Same {
    # Whether a file has these bytes.
    param([string]$Path, [byte[]]$Data)
    (New-Object -TypeName System.IO.FileInfo -ArgumentList $Path).Length -eq $Data.Length -and
    [Convert]::ToBase64String([IO.File]::ReadAllBytes($Path)) -ceq [Convert]::ToBase64String($Data)
}

function Test-Free {
    # Whether a client has no file but what we laid ourselves before we were stopped.
    param([string]$Folder, [hashtable]$Files)
    foreach ($target in $Files.Keys) {
        if ([IO.Directory]::Exists($target) -or ([IO.File]::Exists($target) -and -not (Test-Same $target $Files[$target]))) { return $false }
    }
    if ([IO.File]::Exists($Folder)) { return $false }
    if (-not [IO.Directory]::Exists($Folder)) { return $true }
    foreach ($path in [IO.Directory]::EnumerateFiles($Folder, '*', [IO.SearchOption]::AllDirectories)) {
        if (-not $Files.ContainsKey($path) -and [IO.Path]::GetFileName($path) -notmatch $TempName) { return $false }
    }
    $true
}

function Add-File {
    # Lay a file in one step, never over another one.
    param([string]$Path, [byte[]]$Data)
    $folder = [IO.Path]::GetDirectoryName($Path)
    $null = [IO.Directory]::CreateDirectory($folder)
    $temp = [IO.Path]::Combine($folder, '.im-client-' + [Guid]::NewGuid().ToString('N').Substring(0, 16))
    $file = [IO.File]::Open($temp, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write, [IO.FileShare]::None)
    try {
        $file.Write($Data, 0, $Data.Length)
        $file.Flush($true)
    }
    finally { $file.Dispose() }
    try { [IO.File]::Move($temp, $Path) }
    catch {
        [IO.File]::Delete($temp)
        throw
    }
}

function Add-Client {
    # Lay the files of one client; returns what became of it: laid, left (it has files), open (it runs).
    param([object]$Client, [object]$Rule, [string]$Account)
    $session = (Get-Process -Id $PID).SessionId
    if (@(Get-Process -Name $Client.processes -ErrorAction SilentlyContinue | Where-Object { $_.SessionId -eq $session }).Count) { return 'open' }
    $order = New-Object -TypeName System.Collections.Generic.List[string]
    $files = @{}
    foreach ($file in $Client.files) {
        $target, $data = (Get-Target $file.path), (Expand-Packed $file.content)
        $files[$target] = if ($Account -and $file.text) { Get-Filled $data $Rule $Account } else { $data }
        $order.Add($target)
    }
    if (-not (Test-Free (Get-Target $Client.folder) $files)) { return 'left' }
    foreach ($target in $order) { if (-not [IO.File]::Exists($target)) { Add-File $target $files[$target] } }
    'laid'
}

function Get-Known {
    # What was noted at earlier logons, by client.
    param([string]$Path)
    $known = @{}
    try {
        $told = ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($Path))
        foreach ($one in $told.clients.PSObject.Properties) { $known[$one.Name] = $one.Value }
    }
    catch { $known = @{} }  # there is none, or somebody wrote into it
    $known
}

try {
    $wish = if ($person) { Get-Wish }
    if (-not $wish) { exit 0 }
    $account = ''
    if ($wish.PSObject.Properties['rule']) {
        $account = Get-Account $wish.rule
        if (-not $account) { exit 0 }
    }
    $notes = Get-Target 'AppData/Local/im_client/first-logon.json'
    $known = Get-Known $notes
    $news = $false
    foreach ($one in $wish.clients.PSObject.Properties) {
        $before = $known[$one.Name]
        if ($before -and $before.version -eq $one.Value.version -and $before.state -in @('laid', 'left')) { continue }
        $detail = ''
        try { $state = Add-Client $one.Value $wish.rule $account }
        catch { $state, $detail = 'failed', $_.Exception.GetBaseException().GetType().Name }
        $when = [DateTime]::UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", [Globalization.CultureInfo]::InvariantCulture)
        $known[$one.Name] = @{ version = $one.Value.version; state = $state; detail = $detail; when = $when }
        $news = $true
    }
    if ($news) {
        $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($notes))
        [IO.File]::WriteAllText($notes, (ConvertTo-Json -InputObject @{ schema = 1; clients = $known } -Depth 5), $utf8)
    }
}
catch { $null = $_ }  # nothing of ours is worth a logon, and there is nobody to tell
exit 0
