using System.Globalization;
using System.Text;

namespace NanoVlm.Text.Templates;

/// <summary>The functions that a template can call: jinja2's, and the two that transformers adds.</summary>
internal static class Functions
{
    private const int LargestRange = 100_000;

    private static readonly Dictionary<string, Callable> _functions = new[]
    {
        new Callable("range", Range),
        new Callable("dict", (context, arguments) => new MapValue(Members(context, arguments))),
        new Callable("namespace", (context, arguments) => new NamespaceValue(Members(context, arguments))),
        new Callable("raise_exception", (context, arguments) =>
            throw new TemplateFault(arguments.Bind("raise_exception", "message")[0] is { } message ? Printing.ToStr(context, message).Text : "the template raised an exception")),
        new Callable("strftime_now", (context, arguments) => arguments.Bind("strftime_now", "format")[0] is Str format
            ? new Str(FormatTime(context.Now, format.Text)) : throw new TemplateFault("strftime_now needs a format")),
    }.ToDictionary(function => function.Name);

    public static Value? Find(string name) => _functions.GetValueOrDefault(name);

    private static Value Range(Context context, Arguments arguments)
    {
        var bounds = Array.ConvertAll(arguments.Positional, v =>
        {
            Operators.Use(v);
            return Operators.Whole(v) ?? throw new TemplateFault($"'{v.TypeName}' object cannot be interpreted as an integer");
        });
        if (bounds.Length is 0 or > 3 || arguments.Named.Count > 0)
            throw new TemplateFault("range takes 1 to 3 numbers");
        var (start, stop, step) = (bounds.Length == 1 ? 0 : bounds[0], bounds.Length == 1 ? bounds[0] : bounds[1], bounds.Length == 3 ? bounds[2] : 1);
        if (step == 0)
            throw new TemplateFault("range() arg 3 must not be zero");
        decimal count = Math.Max(0, Math.Ceiling(((decimal)stop - start) / step));
        if (count > LargestRange)
            throw new TemplateFault($"range is too big: at most {LargestRange:N0} numbers");
        context.Budget.Spend((long)count);
        return new Sequence([.. Enumerable.Range(0, (int)count).Select(i => Integer.Of(start + i * step))], SequenceKind.Range)
        {
            Spelling = string.Create(CultureInfo.InvariantCulture, $"range({start}, {stop}{(step == 1 ? "" : $", {step}")})"),
        };
    }

    private static OrderedDictionary<Value, Value> Members(Context context, Arguments arguments)
    {
        var members = MapValue.NewMembers(context.Budget);
        if (arguments.Positional.Length > 1)
            throw new TemplateFault("at most one mapping can be copied");
        if (arguments.Positional.Length == 1)
        {
            if (arguments.Positional[0] is MapValue map)
            {
                context.Budget.Spend(map.Count);
                foreach (var (key, value) in map.Members)
                    members[key] = value;
            }
            else
            {
                foreach (var pair in context.Iterate(arguments.Positional[0]))
                {
                    if (context.Iterate(pair) is not [var key, var value])
                        throw new TemplateFault("a mapping is made of pairs");
                    members[key] = value;
                }
            }
        }
        foreach (var (name, value) in arguments.Named)
            members[new Str(name)] = value;
        return members;
    }

    private static string FormatTime(DateTime now, string format)
    {
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                text.Append(format[i]);
                continue;
            }
            bool bare = format[++i] == '-' && i + 1 < format.Length;
            if (bare)
                i++;
            text.Append(format[i] switch
            {
                'Y' => Net("yyyy"),
                'y' => Net("yy"),
                'm' => Net(bare ? "%M" : "MM"),
                'd' => Net(bare ? "%d" : "dd"),
                'e' => Net("%d").PadLeft(2),
                'H' => Net(bare ? "%H" : "HH"),
                'I' => Net(bare ? "%h" : "hh"),
                'M' => Net(bare ? "%m" : "mm"),
                'S' => Net(bare ? "%s" : "ss"),
                'f' => Net("ffffff"),
                'p' => Net("tt"),
                'B' => Net("MMMM"),
                'b' or 'h' => Net("MMM"),
                'A' => Net("dddd"),
                'a' => Net("ddd"),
                'j' => now.DayOfYear.ToString(bare ? "0" : "000", CultureInfo.InvariantCulture),
                'w' => ((int)now.DayOfWeek).ToString(CultureInfo.InvariantCulture),
                'F' => Net("yyyy'-'MM'-'dd"),
                'T' => Net("HH':'mm':'ss"),
                'D' or 'x' => Net("MM'/'dd'/'yy"),
                'R' => Net("HH':'mm"),
                'X' => Net("HH':'mm':'ss"),
                'c' => $"{Net("ddd MMM")} {now.Day,2} {Net("HH':'mm':'ss yyyy")}",
                'n' => "\n",
                't' => "\t",
                'z' or 'Z' => "",
                '%' => "%",
                var other => throw new TemplateFault($"strftime_now: the format %{other} is not supported"),
            });
        }
        return text.ToString();

        string Net(string custom) => now.ToString(custom, CultureInfo.InvariantCulture);
    }
}
