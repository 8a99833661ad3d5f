using NanoVlm.Training.Distributed;

namespace NanoVlm.Training.Tests.Distributed;

/// <summary>A test of several ranks: skipped where gloo is not there.</summary>
internal sealed class RanksFactAttribute : FactAttribute
{
    public RanksFactAttribute() => Skip = GlooLibrary.Missing;
}

/// <inheritdoc cref="RanksFactAttribute"/>
internal sealed class RanksTheoryAttribute : TheoryAttribute
{
    public RanksTheoryAttribute() => Skip = GlooLibrary.Missing;
}
