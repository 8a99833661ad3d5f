namespace NanoVlm.Configuration;

/// <summary>A name that users look for among an enumeration's and do not find, and why.</summary>
/// <param name="name">The name.</param>
/// <param name="reason">What follows it in the message.</param>
[AttributeUsage(AttributeTargets.Enum, AllowMultiple = true)]
internal sealed class RefusedNameAttribute(string name, string reason) : Attribute
{
    public string Name { get; } = name;

    public string Reason { get; } = reason;
}
