using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace NanoVlm.Shared;

/// <summary>
/// The public surface of an assembly as text, one member a line, in a stable order. What the compiler adds to records is left out. With
/// <c>NANOVLM_UPDATE_API=1</c> the tests write the files instead of comparing with them.
/// </summary>
public static class PublicApi
{
    private const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<Type, string> Keywords = new()
    {
        [typeof(void)] = "void",
        [typeof(bool)] = "bool",
        [typeof(byte)] = "byte",
        [typeof(sbyte)] = "sbyte",
        [typeof(short)] = "short",
        [typeof(ushort)] = "ushort",
        [typeof(int)] = "int",
        [typeof(uint)] = "uint",
        [typeof(long)] = "long",
        [typeof(ulong)] = "ulong",
        [typeof(float)] = "float",
        [typeof(double)] = "double",
        [typeof(string)] = "string",
        [typeof(object)] = "object",
    };

    /// <summary>Fails unless the surface is what the approved file says.</summary>
    /// <param name="assembly">The assembly.</param>
    /// <param name="approvedFile">The text that was agreed on.</param>
    public static void AssertApproved(Assembly assembly, string approvedFile)
    {
        var received = Print(assembly);
        var approved = File.Exists(approvedFile) ? File.ReadAllText(approvedFile).ReplaceLineEndings("\n") : "";
        if (received == approved) return;
        if (Environment.GetEnvironmentVariable("NANOVLM_UPDATE_API") == "1")
        {
            File.WriteAllText(approvedFile, received);
            return;
        }
        var receivedFile = Path.ChangeExtension(Path.Combine(AppContext.BaseDirectory, Path.GetFileName(approvedFile)), ".received.txt");
        File.WriteAllText(receivedFile, received);
        var (before, after) = (approved.Split('\n'), received.Split('\n'));
        var changes = before.Except(after).Select(line => "- " + line.Trim()).Concat(after.Except(before).Select(line => "+ " + line.Trim())).ToList();
        var shown = string.Join('\n', changes.Take(40)) + (changes.Count > 40 ? $"\n... and {changes.Count - 40} more" : "");
        Assert.Fail($"The public surface of {assembly.GetName().Name} changed:\n{shown}\nIf that is meant, approve it:\n  cp {receivedFile} {approvedFile}\nor run the tests with NANOVLM_UPDATE_API=1.");
    }

    /// <summary>The surface: types by name, members by text.</summary>
    public static string Print(Assembly assembly)
    {
        var text = new StringBuilder();
        foreach (var type in assembly.GetExportedTypes().OrderBy(Name, StringComparer.Ordinal))
        {
            text.Append(CultureInfo.InvariantCulture, $"{Kind(type)} {Name(type)}{Bases(type)}\n");
            foreach (var line in Members(type).Order(StringComparer.Ordinal)) text.Append(CultureInfo.InvariantCulture, $"    {line}\n");
        }
        return text.ToString();
    }

    private static IEnumerable<string> Members(Type type)
    {
        if (type.IsEnum)
            return type.GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => $"{field.Name} = {Convert.ToInt64(field.GetRawConstantValue(), CultureInfo.InvariantCulture)}");
        if (typeof(Delegate).IsAssignableFrom(type))
            return [Method(type.GetMethod("Invoke")!)];
        return type.GetMembers(Declared).Select(Member).OfType<string>();
    }

    private static string? Member(MemberInfo member) => member switch
    {
        ConstructorInfo { IsStatic: false } made when Seen(made) && !IsMade(made) => $"{Access(made)}new({Parameters(made)})",
        MethodInfo method when Seen(method) && !IsMade(method) && (!method.IsSpecialName || method.Name.StartsWith("op_", StringComparison.Ordinal)) => Method(method),
        PropertyInfo property when property.Name != "EqualityContract" && property.GetAccessors(true).Any(Seen) => Property(property),
        FieldInfo field when field.IsPublic || field.IsFamily || field.IsFamilyOrAssembly =>
            $"{(field.IsStatic ? "static " : "")}{(field.IsInitOnly ? "readonly " : field.IsLiteral ? "const " : "")}{Name(field.FieldType)} {field.Name}",
        EventInfo notice when Seen(notice.AddMethod!) => $"event {Name(notice.EventHandlerType!)} {notice.Name}",
        _ => null,
    };

    private static string Property(PropertyInfo property)
    {
        var accessors = property.GetAccessors(true).Where(Seen).ToList();
        var indices = property.GetIndexParameters();
        var name = indices.Length == 0 ? property.Name : $"this[{string.Join(", ", indices.Select(Parameter))}]";
        var verbs = accessors.Select(accessor => accessor == property.GetMethod ? "get;" : IsInit(accessor) ? "init;" : "set;").Order(StringComparer.Ordinal);
        return $"{Access(accessors[0])}{Modifiers(accessors[0])}{Name(property.PropertyType)} {name} {{ {string.Join(' ', verbs)} }}";
    }

    private static string Method(MethodInfo method) =>
        $"{Access(method)}{Modifiers(method)}{Name(method.ReturnType)} {method.Name}{Generics(method)}({Parameters(method)})";

    // A record's equality, copying, printing and deconstruction.
    private static bool IsMade(MethodBase method) => method.IsDefined(typeof(CompilerGeneratedAttribute), false);

    private static bool IsRecord(Type type) => type.GetMethod("<Clone>$") is not null;

    private static bool IsInit(MethodInfo setter) => setter.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit));

    private static string Generics(MethodInfo method) => method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(Name))}>" : "";

    private static string Modifiers(MethodInfo method) =>
        method.IsStatic ? "static "
        : method.DeclaringType!.IsInterface ? ""
        : method.IsAbstract ? "abstract "
        : method.IsVirtual && method.GetBaseDefinition() != method ? "override "
        : method.IsVirtual && !method.IsFinal ? "virtual " : "";

    private static bool Seen(MethodBase method) => method.IsPublic || method.IsFamily || method.IsFamilyOrAssembly;

    private static string Access(MethodBase method) => method.IsPublic ? "" : "protected ";

    private static string Parameters(MethodBase method) => string.Join(", ", method.GetParameters().Select(Parameter));

    private static string Parameter(ParameterInfo parameter)
    {
        var many = parameter.CustomAttributes.Any(attribute => attribute.AttributeType.Name is "ParamArrayAttribute" or "ParamCollectionAttribute") ? "params " : "";
        return $"{many}{Name(parameter.ParameterType)} {parameter.Name}{(parameter.HasDefaultValue ? " = " + Value(parameter.RawDefaultValue) : "")}";
    }

    private static string Value(object? value) => value switch
    {
        null => "null",
        string text => $"\"{text}\"",
        bool truth => truth ? "true" : "false",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString()!,
    };

    private static string Kind(Type type) =>
        type.IsEnum ? "enum"
        : typeof(Delegate).IsAssignableFrom(type) ? "delegate"
        : type.IsInterface ? "interface"
        : type.IsValueType ? "struct"
        : type.IsAbstract && type.IsSealed ? "static class"
        : (type.IsSealed ? "sealed " : type.IsAbstract ? "abstract " : "") + (IsRecord(type) ? "record" : "class");

    private static string Bases(Type type)
    {
        if (type.IsEnum || typeof(Delegate).IsAssignableFrom(type)) return "";
        var bases = type.GetInterfaces().Where(face => !IsRecord(type) || face.Name != "IEquatable`1").Select(Name).Order(StringComparer.Ordinal).ToList();
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType)) bases.Insert(0, Name(parent));
        return bases.Count == 0 ? "" : " : " + string.Join(", ", bases);
    }

    private static string Name(Type type)
    {
        if (type.IsByRef) return "ref " + Name(type.GetElementType()!);
        if (type.IsArray) return $"{Name(type.GetElementType()!)}[{new string(',', type.GetArrayRank() - 1)}]";
        if (type.IsPointer) return Name(type.GetElementType()!) + "*";
        if (type.IsGenericParameter) return type.Name;
        if (Keywords.TryGetValue(type, out var keyword)) return keyword;
        if (Nullable.GetUnderlyingType(type) is { } inner) return Name(inner) + "?";
        var own = type.Name.Split('`')[0];
        var outer = type.DeclaringType is { } declaring ? Name(declaring) + "." : type.Namespace is { } space ? space + "." : "";
        var skip = type.DeclaringType?.GetGenericArguments().Length ?? 0;
        var arguments = type.GetGenericArguments().Skip(skip).Select(Name).ToList();
        return outer + own + (arguments.Count == 0 ? "" : $"<{string.Join(", ", arguments)}>");
    }
}
