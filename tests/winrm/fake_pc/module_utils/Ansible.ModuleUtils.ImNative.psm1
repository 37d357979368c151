# A FAKE: what Windows itself would answer, from the model of windows_pc.py. Same functions, same parameters.

# The shells of POSIX that start PowerShell here pass no variable of such a name on.
[Environment]::SetEnvironmentVariable('ProgramFiles(x86)', "$env:ProgramFiles (x86)")

function Get-Model { ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:IM_FAKE_PC)) }

function Get-Descriptor {
    # A path that the model does not name has the security of the folder above it.
    param([string]$Path)
    $known = (Get-Model).security
    $owner = ''
    if ([IO.File]::Exists($Path) -and -not $known.PSObject.Properties[$Path]) {
        # A temporary file that is gone took another's place, and its owner went with it.
        $beside = [IO.Path]::Combine([IO.Path]::GetDirectoryName($Path), '.im-client-')
        $gone = @($known.PSObject.Properties | Where-Object { $_.Name.StartsWith($beside) -and -not [IO.File]::Exists($_.Name) })
        if ($gone.Count) { $owner = $gone[-1].Value }
    }
    for ($place = $Path; $place; $place = [IO.Path]::GetDirectoryName($place)) {
        $named = $known.PSObject.Properties[$place]
        if ($named) {
            $parts = $named.Value -split '(?=D:)', 2
            if (-not $owner) { $owner = $parts[0] }
            if ($parts.Count -gt 1) {
                # What the folder above hands down is marked as such.
                if ($place -ne $Path) { $parts[1] = $parts[1].Replace('D:PAI', 'D:AI').Replace('OICI;', 'ID;') }
                return $owner + $parts[1]
            }
        }
    }
    $owner + 'D:'
}

function Save-Descriptor {
    param([string]$Path, [string]$Descriptor)
    $model = Get-Model
    $model.security | Add-Member -NotePropertyName $Path -NotePropertyValue $Descriptor -Force
    [IO.File]::WriteAllText($env:IM_FAKE_PC, (ConvertTo-Json -InputObject $model -Depth 20))
}

function Test-ImAdministrator {
    $env:USERNAME -ne 'nobody'
}

function Test-ImSystem {
    $env:IM_FAKE_ACCOUNT -eq 'SYSTEM'
}

function Resolve-ImSid {
    param([string]$Login)
    if ((Get-Model).domain_silent) { throw (New-Object -TypeName System.SystemException -ArgumentList 'trust') }
    $known = (Get-Model).accounts.PSObject.Properties[$Login]
    if ($known) { $known.Value }
}

function Get-ImSecurity {
    param([string]$Path)
    Get-Descriptor $Path
}

function Get-ImOwner {
    # What nobody gave away belongs to who made it: an administrator, unless the folder above is said to be somebody's.
    param([string]$Path)
    $owner = [regex]::Match((Get-Descriptor $Path), '(?<=O:)(S-[0-9-]+|SY|BA)').Value
    @{ SY = 'S-1-5-18'; BA = 'S-1-5-32-544' }[$owner] + $(if ($owner.Length -gt 2) { $owner })
}

function Get-ImStreamOwner {
    # What was opened may be another file than the one that now has its name.
    param([System.IO.FileStream]$File)
    $opened = (Get-Model).opened.PSObject.Properties[$File.Name]
    if ($opened) { $opened.Value } else { Get-ImOwner $File.Name }
}

function New-ImFile {
    param([string]$Path, [string]$Sid)
    $model = Get-Model
    $file = [IO.File]::Open($Path, [IO.FileMode]::CreateNew, [IO.FileAccess]::Write, [IO.FileShare]::None)
    if ($model.owner_refused) {
        $file.Dispose()
        throw (New-Object -TypeName System.UnauthorizedAccessException)
    }
    # Windows writes the accounts that every PC has in two letters.
    $name = @{ 'S-1-5-18' = 'SY'; 'S-1-5-32-544' = 'BA' }[$Sid]
    if ($Sid -and -not $model.keeps_no_owner) { Save-Descriptor $Path "O:$(if ($name) { $name } else { $Sid })" }
    if ($model.swap -and [IO.Directory]::Exists($model.swap.folder)) {
        # Somebody quick puts a junction in the place of a folder.
        [IO.Directory]::Move($model.swap.folder, "$($model.swap.folder).away")
        & ln -s $model.swap.aim $model.swap.folder
    }
    $file
}

function New-ImFolder {
    param([string]$Path, [string]$Sddl)
    if (-not [IO.Directory]::Exists($Path)) {
        $null = [IO.Directory]::CreateDirectory($Path)
        Save-Descriptor $Path $Sddl
    }
}

function Set-ImAccess {
    param([string]$Path, [string]$Sddl)
    $owner = [regex]::Match((Get-Descriptor $Path), 'O:(S-[0-9-]+|SY|BA)').Value
    Save-Descriptor $Path ($(if ($owner) { $owner } else { 'O:BA' }) + $Sddl)
}

function Get-ImExitCode {
    # Programs of the fake PC leave their 32 bits in a file.
    param([System.Diagnostics.Process]$Process)
    $left = Join-Path -Path $env:TEMP -ChildPath "exit-$($Process.Id)"
    if ([IO.File]::Exists($left)) { [int][IO.File]::ReadAllText($left); [IO.File]::Delete($left) } else { $Process.ExitCode }
}

function Invoke-ImUnpacker {
    # Unpackers of the tests are scripts of the shell.
    param([string]$Path, [string]$Folder, [int]$Seconds)
    & sh $Path '/S' "/D=$Folder" | Out-Null
    $LASTEXITCODE
}

function Get-ItemProperty {
    # The JSON registry has no types: what holds a %variable% is REG_EXPAND_SZ, and Windows expands that here with the
    # environment of the process that asks. A value {"dword_of_bytes": 8} stands for a REG_DWORD of another length than
    # four bytes, at which Windows PowerShell 5.1 ends the statement, whatever the ErrorAction (PowerShell#9552).
    [CmdletBinding()]
    param([string]$LiteralPath)
    foreach ($values in Microsoft.PowerShell.Management\Get-ItemProperty -LiteralPath $LiteralPath) {
        foreach ($property in $values.PSObject.Properties) {
            if ($property.Value -like '*"dword_of_bytes"*') {
                $cast = [InvalidCastException]::new('Specified cast is not valid.')
                $PSCmdlet.ThrowTerminatingError([System.Management.Automation.ErrorRecord]::new($cast, 'InvalidCast', 'NotSpecified', $LiteralPath))
            }
            if ($property.Value -is [string] -and $property.Name -notlike 'PS*') {
                $property.Value = [Environment]::ExpandEnvironmentVariables($property.Value)
            }
        }
        $values
    }
}

Export-ModuleMember -Function @('*-Im*', 'Get-ItemProperty')
