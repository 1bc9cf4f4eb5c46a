"""The names that are guarded unless the operator says otherwise, in .gitignore syntax, at any depth of a root."""

__all__ = ["DENY", "HOME_DENY", "HOME_PROTECT", "PROTECT", "SHELL_STARTUP"]

SHELL_STARTUP = (
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".bash_aliases",
    ".profile",
    ".zshrc",
    ".zprofile",
    ".zshenv",
    ".zlogin",
    ".zlogout",
    ".kshrc",
    ".mkshrc",
    ".cshrc",
    ".tcshrc",
    ".login",
    ".logout",
    ".inputrc",
    ".xinitrc",
    ".xprofile",
    ".xsession",
    ".xsessionrc",
    ".config/fish/**",
    "profile.ps1",
    "Microsoft.PowerShell_profile.ps1",
)
"""What a shell or a login runs by itself.

Source: the FILES sections of bash(1), zsh(1), ksh(1), tcsh(1), fish(1), Xsession(5); about_Profiles of PowerShell.
"""

PROTECT = (
    ".git/hooks/**",
    ".git/config",
    ".gitmodules",
    ".gitconfig",
    ".vscode/settings.json",
    ".vscode/tasks.json",
    ".vscode/mcp.json",
    ".vscode/launch.json",
    ".mcp.json",
    ".cursor/**",
    ".claude/**",
    ".idea/**",
    *SHELL_STARTUP,
)
"""Not to be written: a program that the person starts later would run what stands there."""

DENY = (
    ".env",
    ".env.*",
    "!.env.example",
    "*.pem",
    "*.key",
    "id_rsa*",
    "id_ed25519*",
    ".netrc",
    ".aws/credentials",
    ".npmrc",
    ".pypirc",
)
"""Not to be read: keys, tokens and passwords."""

_HOME = (".ssh/**", ".aws/**", ".gnupg/**", ".config/gh/**")

HOME_DENY = (*_HOME, *SHELL_STARTUP)
"""Besides, where a root holds the home directory. Start-up files often export tokens."""

HOME_PROTECT = _HOME
"""Besides, where a root holds the home directory. Start-up files are protected everywhere."""
