namespace NanoVlm.Text.Templates;

/// <summary>Python's operators on a template's values.</summary>
internal static class Operators
{
    public static bool Truth(Value value) => value switch
    {
        Undefined or None => false,
        Bool b => b.Truth,
        Integer i => i.Number != 0,
        Real r => r.Number != 0,
        Str s => s.Text.Length > 0,
        Sequence { Kind: SequenceKind.Generator } => true,
        Sequence s => s.Items.Count > 0,
        MapValue m => m.Count > 0,
        _ => true,
    };

    public static Value Binary(Context context, string op, Value left, Value right)
    {
        Use(left);
        Use(right);
        if (Whole(left) is { } a && Whole(right) is { } b)
            return Integers(op, a, b);
        if (Number(left) is { } x && Number(right) is { } y)
            return Reals(op, x, y);
        switch (op, left, right)
        {
            case ("+", Str s, Str t):
                return Str.Concat(context.Budget, s, t);
            case ("+", Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } s, Sequence t) when s.Kind == t.Kind:
                context.Budget.Spend(s.Items.Count + t.Items.Count);
                return new Sequence([.. s.Items, .. t.Items], s.Kind);
            case ("+", Str or Sequence { Kind: SequenceKind.List or SequenceKind.Tuple }, _):
                throw new TemplateFault($"can only concatenate {left.TypeName} (not \"{right.TypeName}\") to {left.TypeName}");
            case ("*", Str or Sequence { Kind: SequenceKind.List or SequenceKind.Tuple }, _) when Whole(right) is { } times:
                return Repeat(context, left, times);
            case ("*", _, Str or Sequence { Kind: SequenceKind.List or SequenceKind.Tuple }) when Whole(left) is { } times:
                return Repeat(context, right, times);
            case ("%", Str s, _):
                return Printing.Format(context, s, right is Sequence { Kind: SequenceKind.Tuple } many ? many.Items : [right]);
            default:
                throw new TemplateFault($"unsupported operand type(s) for {(op == "**" ? "** or pow()" : op)}: '{left.TypeName}' and '{right.TypeName}'");
        }
    }

    public static Value Negate(Value value, bool negative)
    {
        Use(value);
        return Whole(value) is { } i ? Integer.Of(negative ? checked(-i) : i)
            : value is Real r ? new Real(negative ? -r.Number : r.Number)
            : throw new TemplateFault($"bad operand type for unary {(negative ? '-' : '+')}: '{value.TypeName}'");
    }

    public static bool Compare(Context context, string op, Value left, Value right) => op switch
    {
        "==" => Equal(context.Budget, left, right),
        "!=" => !Equal(context.Budget, left, right),
        "in" => Contains(context, right, left),
        "not in" => !Contains(context, right, left),
        "<" => Order(context.Budget, op, left, right) is < 0,
        "<=" => Order(context.Budget, op, left, right) is <= 0,
        ">" => Order(context.Budget, op, left, right) is > 0,
        _ => Order(context.Budget, op, left, right) is >= 0,
    };

    public static bool Equal(Budget budget, Value left, Value right)
    {
        budget.Spend(1);
        if (ReferenceEquals(left, right))
            return left is not Real { Number: double.NaN };
        switch (left, right)
        {
            case (Str a, Str b):
                return a.Text == b.Text;
            case (Undefined, Undefined):
                return true;
            case (Sequence a, Sequence b) when a.Kind == b.Kind && (a.IsIndexed || a.Kind is SequenceKind.Keys or SequenceKind.Items):
                if (a.Items.Count != b.Items.Count)
                    return false;
                for (int i = 0; i < a.Items.Count; i++)
                {
                    if (!Equal(budget, a.Items[i], b.Items[i]))
                        return false;
                }
                return true;
            case (MapValue a, MapValue b):
                return a.Count == b.Count && a.Members.All(member => b.Find(member.Key) is { } other && Equal(budget, member.Value, other));
            default:
                return Whole(left) is { } i1 && Whole(right) is { } i2 ? i1 == i2 : Number(left) is { } x && Number(right) is { } y && x == y;
        }
    }

    /// <summary>Which comes first; null where a NaN is among them.</summary>
    public static int? Order(Budget budget, string op, Value left, Value right)
    {
        budget.Spend(1);
        Use(left);
        Use(right);
        switch (left, right)
        {
            case (Str a, Str b):
                return OrderOf(a.Text, b.Text);
            case (Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } a, Sequence b) when a.Kind == b.Kind:
                for (int i = 0; i < Math.Min(a.Items.Count, b.Items.Count); i++)
                {
                    if (!Equal(budget, a.Items[i], b.Items[i]))
                        return Order(budget, op, a.Items[i], b.Items[i]);
                }
                return a.Items.Count.CompareTo(b.Items.Count);
            default:
                if (Whole(left) is { } i1 && Whole(right) is { } i2)
                    return i1.CompareTo(i2);
                if (Number(left) is { } x && Number(right) is { } y)
                    return double.IsNaN(x) || double.IsNaN(y) ? null : x.CompareTo(y);
                throw new TemplateFault($"'{op}' not supported between instances of '{left.TypeName}' and '{right.TypeName}'");
        }
    }

    public static bool Contains(Context context, Value container, Value item)
    {
        switch (container)
        {
            case Str text:
                if (item is not Str part)
                    throw new TemplateFault($"'in <string>' requires string as left operand, not {item.TypeName}");
                context.Budget.Spend(text.Text.Length);
                return text.Text.Contains(part.Text, StringComparison.Ordinal);
            case Sequence sequence:
                return sequence.Take().Any(other => Equal(context.Budget, other, item));
            case MapValue map:
                return map.Find(item) is not null;
            case Undefined:
                return false;
            default:
                throw new TemplateFault($"argument of type '{container.TypeName}' is not iterable");
        }
    }

    /// <summary>The value as an integer, where it is one: Python's booleans are.</summary>
    public static long? Whole(Value? value) => value switch { Integer i => i.Number, Bool b => b.Truth ? 1 : 0, _ => null };

    public static double? Number(Value? value) => value is Real r ? r.Number : Whole(value);

    /// <summary>Refuses what is undefined.</summary>
    public static void Use(Value value)
    {
        if (value is Undefined missing)
            throw missing.Fault();
    }

    private static Value Repeat(Context context, Value value, long times)
    {
        times = Math.Max(0, times);
        if (value is Str text)
        {
            context.Budget.Spend(times);
            var builder = new TextBuilder(context.Budget);
            for (long i = 0; i < times; i++)
                builder.Append(text);
            return builder.ToStr();
        }
        var sequence = (Sequence)value;
        var items = new List<Value>();
        context.Budget.Spend(times);
        for (long i = 0; i < times; i++)
        {
            context.Budget.Spend(sequence.Items.Count);
            items.AddRange(sequence.Items);
        }
        return new Sequence(items, sequence.Kind);
    }

    private static Value Integers(string op, long a, long b)
    {
        if (b == 0 && op is ("/" or "//" or "%"))
            throw new TemplateFault("division by zero");
        checked
        {
            switch (op)
            {
                case "+": return Integer.Of(a + b);
                case "-": return Integer.Of(a - b);
                case "*": return Integer.Of(a * b);
                case "/": return new Real((double)a / b);
                case "//": return Integer.Of(b == -1 ? -a : a / b - (a % b != 0 && a < 0 != b < 0 ? 1 : 0));
                case "%": return Integer.Of(b == -1 ? 0 : a % b is var rest && rest != 0 && rest < 0 != b < 0 ? rest + b : rest);
                default:
                    if (b < 0)
                        return Reals(op, a, b);
                    long power = 1;
                    // Other bases than these three overflow before the loop is long.
                    if (a is 0 or 1 or -1)
                        return Integer.Of(b == 0 ? 1 : a == -1 && b % 2 == 0 ? 1 : a);
                    for (long i = 0; i < b; i++)
                        power *= a;
                    return Integer.Of(power);
            }
        }
    }

    private static Value Reals(string op, double a, double b)
    {
        if (b == 0 && op is ("/" or "//" or "%") || op == "**" && a == 0 && b < 0)
            throw new TemplateFault("division by zero");
        return new Real(op switch
        {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            "/" => a / b,
            "//" => Math.Floor((a - Remainder(a, b)) / b + 0.5),
            "%" => Remainder(a, b),
            _ => a < 0 && b != Math.Floor(b) ? throw new TemplateFault("complex numbers are not supported") : Math.Pow(a, b),
        });

        static double Remainder(double a, double b)
        {
            double rest = a % b;
            return rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
        }
    }

    // By code points: UTF-16 puts characters beyond 16 bits before U+E000.
    private static int OrderOf(string a, string b)
    {
        int same = a.AsSpan().CommonPrefixLength(b);
        if (same == a.Length || same == b.Length)
            return a.Length.CompareTo(b.Length);
        return Rank(a[same]).CompareTo(Rank(b[same]));

        static int Rank(char c) => char.IsSurrogate(c) ? c + 0x10000 : c;
    }
}
