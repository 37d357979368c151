# Bad news about one login or one path: a code from a closed list (library/im_profile_files.py), and a sentence without
# any content of a file. The PowerShell half of module_utils/im_desk/errors.py. And what passes when one waits a moment.

function New-ImTrouble {
    # An exception to throw. State: of a group that met it. More: other fields of the answer.
    param([string]$Code, [string]$Message, [string]$State = 'failed', [hashtable]$More = @{})
    $trouble = New-Object -TypeName System.Exception -ArgumentList $Message
    $trouble.Data['code'] = $Code
    $trouble.Data['state'] = $State
    $trouble.Data['more'] = $More
    $trouble
}

# Win32 errors (the low half of an HRESULT, System Error Codes of Microsoft) in plain words.
$PlainWords = @{
    5 = @('forbidden', 'access denied')
    19 = @('read_only', 'the disk is write-protected')
    32 = @('changing', 'in use by another program, try again later')
    33 = @('changing', 'locked by another program, try again later')
    39 = @('no_space', 'no space left on the disk')
    112 = @('no_space', 'no space left on the disk')
    206 = @('bad_request', 'the path is too long')
    267 = @('not_a_directory', 'not a directory')
    1175 = @('changing', 'in use by another program, try again later')
    1176 = @('changing', 'in use by another program, try again later')
    1295 = @('quota', 'the disk quota is used up')
}

function Get-ImTrouble {
    # What was caught, as code, message, state and more. Never the text of an exception of .NET: it may quote anything.
    param([System.Management.Automation.ErrorRecord]$Caught, [string]$Shown)
    for ($exception = $Caught.Exception; $exception; $exception = $exception.InnerException) {
        if ($exception.Data -and $exception.Data.Contains('code')) {
            return @{
                code = $exception.Data['code']
                message = $exception.Message
                state = $exception.Data['state']
                more = $exception.Data['more']
            }
        }
        $words = $null
        if ($exception -is [UnauthorizedAccessException]) { $words = $PlainWords[5] }
        elseif ($exception -is [IO.PathTooLongException]) { $words = $PlainWords[206] }
        elseif ($exception -is [IO.FileNotFoundException] -or $exception -is [IO.DirectoryNotFoundException]) {
            $words = @('changing', 'names move, try again later')
        }
        elseif ($exception -is [IO.IOException]) {
            $words = $PlainWords[[int]($exception.HResult -band 0xFFFF)]
            if (-not $words) { $words = @('io', ('input/output error 0x{0:X8}' -f $exception.HResult)) }
        }
        if ($words) { return @{ code = $words[0]; message = "${Shown}: $($words[1])"; state = 'failed'; more = @{} } }
    }
    $place = $Caught.InvocationInfo
    $where = "$([IO.Path]::GetFileName([string]$place.ScriptName)) line $($place.ScriptLineNumber)"
    $kind = $Caught.Exception.GetBaseException().GetType().Name
    @{ code = 'crashed'; message = "$kind at $where"; state = 'failed'; more = @{} }
}

function Test-Passing {
    # Whether a trouble is of the kind that virus scanners and indexers make, which look into each new file for a moment.
    param([System.Management.Automation.ErrorRecord]$Caught)
    $exception = $Caught.Exception.GetBaseException()
    $exception -is [IO.IOException] -and ($exception.HResult -band 0xFFFF) -in @(32, 33, 1175, 1176)
}

function Invoke-ImPatiently {
    # Do what a passing trouble may hold up: five times at most, within a second.
    param([scriptblock]$Piece)
    for ($try = 1; $true; $try++) {
        try { return & $Piece }
        catch { if ($try -eq 5 -or -not (Test-Passing $_)) { throw } }
        Start-Sleep -Milliseconds (100 * $try)
    }
}

function Move-ImInto {
    # Put a file in the place of the target in one step. An existing target keeps its access list.
    param([string]$Temp, [string]$Target)
    Invoke-ImPatiently {
        # Looked at each time: of error 1176, Microsoft says that the old file is gone then.
        # [NullString]: PowerShell would hand over a $null as an empty text.
        if ([IO.File]::Exists($Target)) { [IO.File]::Replace($Temp, $Target, [NullString]::Value) } else { [IO.File]::Move($Temp, $Target) }
    }
}

function ConvertTo-ImError {
    # A trouble as answers tell it.
    param([hashtable]$Trouble)
    @{ code = $Trouble.code; message = $Trouble.message }
}

Export-ModuleMember -Function *-Im*
