using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace NanoVlm.Configuration;

/// <summary>
/// Binds JSON to immutable records, strictly. A property is a key in snake_case; its initial value is the default; <c>required</c>
/// means there is none; <see cref="RangeAttribute"/> and <see cref="LengthAttribute"/> bound it. Every mistake is collected.
/// </summary>
internal sealed class ConfigurationReader(ConfigurationProblems problems)
{
    private static readonly NullabilityInfoContext Nullability = new();

    /// <summary>Binds a whole document.</summary>
    /// <exception cref="ConfigurationException">There is at least one mistake; all are listed.</exception>
    public static T Read<T>(ConfigurationNode document, string source, ConfigurationProblems? already = null)
    {
        var problems = already ?? new ConfigurationProblems();
        var value = new ConfigurationReader(problems).Bind(typeof(T), document, "", null);
        problems.ThrowIfAny(source);
        return (T)value!;
    }

    /// <summary>The key of a property.</summary>
    public static string Key(MemberInfo property) => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name);

    /// <summary>The properties that are keys, in the order of their declaration.</summary>
    public static IEnumerable<PropertyInfo> Keys(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(property => property.SetMethod != null);

    // The property, where there is one, bounds the value (or, for a list, each element).
    private object? Bind(Type type, ConfigurationNode node, string path, PropertyInfo? property)
    {
        if (node.Kind == JsonValueKind.Null)
            return Wrong(type, node, path, property);
        if (type == typeof(string))
            return node.Kind == JsonValueKind.String ? node.Text : node.Argument ?? Wrong(type, node, path, property);
        if (type == typeof(bool))
            return node.Kind is JsonValueKind.True or JsonValueKind.False ? node.Kind == JsonValueKind.True : Wrong(type, node, path, property);
        if (type == typeof(int) || type == typeof(double))
            return BindNumber(type, node, path, property);
        if (type.IsEnum)
            return BindName(type, node, path, property);
        if (type.IsGenericType && type.GetGenericTypeDefinition() == typeof(IReadOnlyList<>))
            return BindList(type, node, path, property);
        if (type == typeof(IReadOnlyDictionary<string, string>))
            return BindStrings(type, node, path, property);
        return BindRecord(type, node, path, property);
    }

    private object? BindNumber(Type type, ConfigurationNode node, string path, PropertyInfo? property)
    {
        // Python writes some integers as 10000.0, so a whole number is an integer however it is written.
        if (node.Kind != JsonValueKind.Number
            || !double.TryParse(node.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            || !double.IsFinite(number)
            || (type == typeof(int) && (number != Math.Floor(number) || Math.Abs(number) > int.MaxValue)))
            return Wrong(type, node, path, property);
        if (property?.GetCustomAttribute<RangeAttribute>() is { } range)
        {
            double minimum = Convert.ToDouble(range.Minimum), maximum = Convert.ToDouble(range.Maximum);
            if (number < minimum || (range.MinimumIsExclusive && number == minimum)
                || number > maximum || (range.MaximumIsExclusive && number == maximum))
                return Wrong(type, node, path, property);
        }

        return type == typeof(int) ? (object)(int)number : number;
    }

    private object? BindName(Type type, ConfigurationNode node, string path, PropertyInfo? property)
    {
        foreach (var field in type.GetFields(BindingFlags.Public | BindingFlags.Static))
            if (node.Kind == JsonValueKind.String && Key(field) == node.Text)
                return field.GetValue(null);
        if (node.Kind != JsonValueKind.String || type.GetCustomAttributes<RefusedNameAttribute>().FirstOrDefault(refused => refused.Name == node.Text) is not { Reason: var reason })
            return Wrong(type, node, path, property);
        problems.Add(path, $"'{node.Text}' {reason}", node.Place);
        return null;
    }

    private object? BindList(Type type, ConfigurationNode node, string path, PropertyInfo? property)
    {
        var length = property?.GetCustomAttribute<LengthAttribute>();
        if (node.Kind != JsonValueKind.Array
            || (length != null && (node.Items.Count < length.MinimumLength || node.Items.Count > length.MaximumLength)))
            return Wrong(type, node, path, property);
        var element = type.GetGenericArguments()[0];
        var list = Array.CreateInstance(element, node.Items.Count);
        for (var i = 0; i < list.Length; i++)
            if (Bind(element, node.Items[i], $"{path}[{i}]", property) is { } item)
                list.SetValue(item, i);
        return list;
    }

    private object? BindStrings(Type type, ConfigurationNode node, string path, PropertyInfo? property)
    {
        if (node.Kind != JsonValueKind.Object)
            return Wrong(type, node, path, property);
        ReportRepeated(node, path);
        var strings = new OrderedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (key, value) in node.Members)
            if (Bind(typeof(string), value, ConfigurationProblems.Member(path, key), null) is string text)
                strings[key] = text;
        return strings;
    }

    private object? BindRecord(Type type, ConfigurationNode node, string path, PropertyInfo? property)
    {
        if (node.Kind != JsonValueKind.Object)
            return Wrong(type, node, path, property);
        ReportRepeated(node, path);

        string? discriminator = null;
        if (type.GetCustomAttribute<JsonPolymorphicAttribute>() is { TypeDiscriminatorPropertyName: { } name })
        {
            discriminator = name;
            if (ChooseKind(type, name, node, path) is not { } chosen)
                return null;
            type = chosen;
        }

        var result = Activator.CreateInstance(type)!;
        var keys = Keys(type).ToDictionary(Key, StringComparer.Ordinal);
        foreach (var (key, value) in node.Members)
        {
            var at = ConfigurationProblems.Member(path, key);
            if (keys.TryGetValue(key, out var member))
                Set(result, member, value, at);
            else if (key != discriminator)
                ReportUnknown(key, value, path, keys.Keys);
        }

        foreach (var (key, member) in keys)
            if (member.GetCustomAttribute<RequiredMemberAttribute>() != null && !node.Members.ContainsKey(key))
                problems.Add(ConfigurationProblems.Member(path, key), $"missing: {Expected(member.PropertyType, member)} is needed", node.Place);
        (result as IChecked)?.Check(new ConfigurationRules(problems, node, path));
        return result;
    }

    private void Set(object record, PropertyInfo property, ConfigurationNode value, string path)
    {
        var underlying = Nullable.GetUnderlyingType(property.PropertyType);
        if (value.Kind == JsonValueKind.Null && AllowsNull(property))
            property.SetValue(record, null);
        else if (Bind(underlying ?? property.PropertyType, value, path, property) is { } bound)
            property.SetValue(record, bound);
    }

    private Type? ChooseKind(Type type, string discriminator, ConfigurationNode node, string path)
    {
        var kinds = type.GetCustomAttributes<JsonDerivedTypeAttribute>().ToDictionary(kind => (string)kind.TypeDiscriminator!, kind => kind.DerivedType);
        var at = ConfigurationProblems.Member(path, discriminator);
        var expected = $"expected one of {Quoted(kinds.Keys)}";
        if (!node.Members.TryGetValue(discriminator, out var value))
            problems.Add(at, $"missing: {expected}", node.Place);
        else if (value.Kind != JsonValueKind.String)
            problems.Add(at, $"{expected}, found {Found(value)}", value.Place);
        else if (kinds.TryGetValue(value.Text, out var chosen))
            return chosen;
        else
            problems.Add(at, $"{expected}, found {Found(value)}{NearestName.Suggestion(NearestName.Of(value.Text, kinds.Keys))}", value.Place);
        return null;
    }

    private void ReportUnknown(string key, ConfigurationNode value, string path, ICollection<string> allowed)
    {
        var nearest = NearestName.Of(key, allowed);
        problems.Add(
            ConfigurationProblems.Member(path, key),
            $"unknown key{NearestName.Suggestion(nearest)}; allowed here: {string.Join(", ", allowed)}",
            value.Place,
            nearest == null ? null : ConfigurationProblems.Member(path, nearest));
    }

    private void ReportRepeated(ConfigurationNode node, string path)
    {
        foreach (var key in node.Repeated.Distinct())
            problems.Add(ConfigurationProblems.Member(path, key), "this key is written twice", node.Members[key].Place);
    }

    private object? Wrong(Type type, ConfigurationNode node, string path, PropertyInfo? property)
    {
        var suggestion = type.IsEnum && node.Kind == JsonValueKind.String ? NearestName.Suggestion(NearestName.Of(node.Text, Names(type))) : "";
        problems.Add(path, $"expected {Expected(type, property)}, found {Found(node)}{suggestion}", node.Place);
        return null;
    }

    private static string Expected(Type type, PropertyInfo? property)
    {
        var text = type switch
        {
            _ when type == typeof(string) => "a string",
            _ when type == typeof(bool) => "true or false",
            _ when type == typeof(int) => "an integer" + Bounds(property),
            _ when type == typeof(double) => "a number" + Bounds(property),
            { IsEnum: true } => $"one of {Quoted(Names(type))}",
            _ when type == typeof(IReadOnlyDictionary<string, string>) => "an object of strings",
            { IsGenericType: true } => ListOf(type.GetGenericArguments()[0], property),
            _ => "an object",
        };
        var whole = property != null && type == (Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType);
        return whole && AllowsNull(property!) ? text + " or null" : text;
    }

    private static string ListOf(Type element, PropertyInfo? property)
    {
        var length = property?.GetCustomAttribute<LengthAttribute>();
        var elements = element == typeof(string) ? "strings" : element == typeof(int) ? "integers" : element == typeof(double) ? "numbers" : "objects";
        return length == null ? $"a list of {elements}"
            : length.MinimumLength == length.MaximumLength ? $"a list of {length.MinimumLength} {elements}"
            : $"a list of at least {length.MinimumLength} {elements}";
    }

    private static string Bounds(PropertyInfo? property)
    {
        if (property?.GetCustomAttribute<RangeAttribute>() is not { } range)
            return "";
        double minimum = Convert.ToDouble(range.Minimum), maximum = Convert.ToDouble(range.Maximum);
        var from = $"{(range.MinimumIsExclusive ? "greater than" : "of at least")} {Number(minimum)}";
        return maximum >= int.MaxValue ? $" {from}"
            : $" {from} and {(range.MaximumIsExclusive ? "less than" : "at most")} {Number(maximum)}";
    }

    private static string Found(ConfigurationNode node) => node.Kind switch
    {
        JsonValueKind.String => $"the string \"{(node.Text.Length > 80 ? node.Text[..80] + "..." : node.Text)}\"",
        JsonValueKind.Number => node.Text,
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.Null => "null",
        JsonValueKind.Array => $"a list of {node.Items.Count}",
        _ => "an object",
    };

    private static IEnumerable<string> Names(Type type) => type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(Key);

    private static string Quoted(IEnumerable<string> names) => string.Join(", ", names.Select(name => $"'{name}'"));

    private static string Number(double value) => value.ToString(CultureInfo.InvariantCulture);

    private static bool AllowsNull(PropertyInfo property)
    {
        if (property.PropertyType.IsValueType)
            return Nullable.GetUnderlyingType(property.PropertyType) != null;
        lock (Nullability) // its cache is not made for several threads
            return Nullability.Create(property).WriteState == NullabilityState.Nullable;
    }
}
