namespace NanoVlm.Evaluation.Tasks;

/// <summary>A number that a benchmark reports.</summary>
/// <param name="Name">Such as <c>accuracy</c>, or a category's name.</param>
/// <param name="Value">As published: a share from 0 to 1, or points.</param>
/// <param name="Count">How many items it is of.</param>
/// <param name="Interval">Half the width of the 95 % interval, in the value's unit.</param>
/// <param name="Scale">The most it can be: 1 for shares, 2000 for MME's perception.</param>
public sealed record Figure(string Name, double Value, int Count, double Interval, double Scale = 1);
