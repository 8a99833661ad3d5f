namespace NanoVlm.Shared;

/// <summary>A test of what Windows has not: signals, a shell.</summary>
internal sealed class UnixFactAttribute : FactAttribute
{
    /// <param name="needs">What it needs, for the report of skipped tests.</param>
    public UnixFactAttribute(string needs)
    {
        if (OperatingSystem.IsWindows()) Skip = $"Windows has no {needs}";
    }
}

/// <inheritdoc cref="UnixFactAttribute"/>
internal sealed class UnixTheoryAttribute : TheoryAttribute
{
    /// <param name="needs">What it needs, for the report of skipped tests.</param>
    public UnixTheoryAttribute(string needs)
    {
        if (OperatingSystem.IsWindows()) Skip = $"Windows has no {needs}";
    }
}

/// <summary>A test of what only Linux has: /proc, limits and disks of a process's own.</summary>
internal sealed class LinuxFactAttribute : FactAttribute
{
    /// <param name="needs">What it needs, for the report of skipped tests.</param>
    public LinuxFactAttribute(string needs)
    {
        if (!OperatingSystem.IsLinux()) Skip = $"only Linux has {needs}";
    }
}
