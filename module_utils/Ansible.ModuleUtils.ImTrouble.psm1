# Bad news about one login or one path: a code from a closed list (library/im_profile_files.py), and a sentence without
# any content of a file. The PowerShell half of module_utils/im_desk/errors.py.

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

function ConvertTo-ImError {
    # A trouble as answers tell it.
    param([hashtable]$Trouble)
    @{ code = $Trouble.code; message = $Trouble.message }
}

Export-ModuleMember -Function *-Im*
