# Bytes and checksums in the form in which they travel between control node and PC: module_utils/im_desk/wire.py.

#AnsibleRequires -PowerShell Ansible.ModuleUtils.ImTrouble

$FileLimit = 64 * 1024 * 1024  # bytes of one file

function Get-ImFileLimit { $FileLimit }

function Get-ImDigest {
    # The SHA-256 of bytes in hexadecimal, nothing for nothing.
    param([object]$Data)
    if ($null -eq $Data) { return $null }
    $engine = [System.Security.Cryptography.SHA256]::Create()
    try { [BitConverter]::ToString($engine.ComputeHash([byte[]]$Data)).Replace('-', '').ToLowerInvariant() }
    finally { $engine.Dispose() }
}

function Get-ImTextDigest {
    param([string]$Text)
    Get-ImDigest ([Text.Encoding]::UTF8.GetBytes($Text))
}

function ConvertTo-ImContent {
    # Bytes as they travel: gzip (.NET Framework writes no zlib), then base64.
    param([byte[]]$Data)
    if (-not $Data.Length) { return 'eJwDAAAAAAE=' }  # zlib of nothing: of no bytes, GZipStream makes none either
    $packed = New-Object -TypeName System.IO.MemoryStream
    $engine = New-Object -TypeName System.IO.Compression.GZipStream -ArgumentList $packed, ([System.IO.Compression.CompressionLevel]::Fastest)
    $engine.Write($Data, 0, $Data.Length)
    $engine.Dispose()
    [Convert]::ToBase64String($packed.ToArray())
}

function ConvertFrom-ImContent {
    # Undo what the control node did (zlib or gzip, then base64); a trouble that quotes nothing if it cannot be undone.
    param([string]$Content, [string]$Path)
    $bad = New-ImTrouble 'bad_request' "content of '$Path' is not base64 of zlib, is cut or has a tail"
    try { $packed = [Convert]::FromBase64String($Content) } catch { throw $bad }
    if ($packed.Length -lt 8) { throw $bad }
    $isGzip = $packed[0] -eq 0x1F -and $packed[1] -eq 0x8B
    $isZlib = ($packed[0] -band 15) -eq 8 -and ($packed[0] * 256 + $packed[1]) % 31 -eq 0
    if (-not ($isGzip -or $isZlib)) { throw $bad }
    $mode = [System.IO.Compression.CompressionMode]::Decompress
    if ($isGzip) {
        $given = New-Object -TypeName System.IO.MemoryStream -ArgumentList (, $packed)
        $engine = New-Object -TypeName System.IO.Compression.GZipStream -ArgumentList $given, $mode
    }
    else {
        $given = New-Object -TypeName System.IO.MemoryStream -ArgumentList $packed, 2, ($packed.Length - 6)
        $engine = New-Object -TypeName System.IO.Compression.DeflateStream -ArgumentList $given, $mode
    }
    $data = New-Object -TypeName System.IO.MemoryStream
    $part = New-Object -TypeName 'byte[]' -ArgumentList 65536
    try {
        while (($count = $engine.Read($part, 0, $part.Length)) -gt 0) {
            $data.Write($part, 0, $count)
            if ($data.Length -gt $FileLimit) { throw (New-ImTrouble 'too_big' "content of '$Path' is larger than $FileLimit bytes") }
        }
    }
    catch {
        if ((Get-ImTrouble $_ '').code -eq 'too_big') { throw }
        throw $bad
    }
    finally { $engine.Dispose() }
    $bytes = $data.ToArray()
    $tail = $packed.Length - 4
    if ($isZlib) {
        $proof = [long]$packed[$tail] * 16777216 + [long]$packed[$tail + 1] * 65536 + $packed[$tail + 2] * 256 + $packed[$tail + 3]
        if ($proof -ne (Get-Adler32 $bytes)) { throw $bad }
    }
    elseif ([BitConverter]::ToUInt32($packed, $tail) -ne $bytes.Length) { throw $bad }
    , $bytes
}

function Get-Adler32 {
    # The checksum of zlib (RFC 1950, 8.2). A block is as long as 64 bits allow without a remainder in between.
    param([byte[]]$Data)
    $low, $high = [long]1, [long]0
    for ($start = 0; $start -lt $Data.Length; $start += 1048576) {
        $end = [Math]::Min($start + 1048576, $Data.Length)
        for ($index = $start; $index -lt $end; $index++) {
            $low += $Data[$index]
            $high += $low
        }
        $low %= 65521
        $high %= 65521
    }
    $high * 65536 + $low
}

Export-ModuleMember -Function *-Im*
