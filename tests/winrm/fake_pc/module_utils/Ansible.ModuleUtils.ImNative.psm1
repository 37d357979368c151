# A FAKE: what Windows itself would answer, from the model of windows_pc.py. Same functions, same parameters.

# The shells of POSIX that start PowerShell here pass no variable of such a name on.
[Environment]::SetEnvironmentVariable('ProgramFiles(x86)', "$env:ProgramFiles (x86)")

function Get-Model { ConvertFrom-Json -InputObject ([IO.File]::ReadAllText($env:IM_FAKE_PC)) }

function Get-Descriptor {
    # A path that the model does not name has the security of the folder above it.
    param([string]$Path)
    $known = (Get-Model).security
    $owner = ''
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

function Get-OwnPart {
    # What the model says of a path itself.
    param([string]$Path, [string]$Pattern)
    $named = (Get-Model).security.PSObject.Properties[$Path]
    if ($named) { [regex]::Match($named.Value, $Pattern).Value }
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

function Set-ImOwner {
    param([string]$Path, [string]$Sid)
    if ((Get-Model).keeps_no_owner) { return }
    $access = Get-OwnPart $Path 'D:.*'
    # Windows writes the accounts that every PC has in two letters.
    $name = @{ 'S-1-5-18' = 'SY'; 'S-1-5-32-544' = 'BA' }[$Sid]
    Save-Descriptor $Path "O:$(if ($name) { $name } else { $Sid })$access"
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
    # environment of the process that asks.
    [CmdletBinding()]
    param([string]$LiteralPath)
    foreach ($values in Microsoft.PowerShell.Management\Get-ItemProperty -LiteralPath $LiteralPath) {
        foreach ($property in $values.PSObject.Properties) {
            if ($property.Value -is [string] -and $property.Name -notlike 'PS*') {
                $property.Value = [Environment]::ExpandEnvironmentVariables($property.Value)
            }
        }
        $values
    }
}

Export-ModuleMember -Function *-Im*, Get-ItemProperty
