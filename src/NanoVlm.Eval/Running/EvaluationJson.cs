using System.Collections;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using NanoVlm.Evaluation.Tasks;

namespace NanoVlm.Evaluation.Running;

/// <summary>Results as JSON: keys as they are everywhere else, text readable, what is empty left out of items.</summary>
internal static class EvaluationJson
{
    internal static readonly JsonSerializerOptions Line = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { LeaveOutEmpty } },
    };

    internal static readonly JsonSerializerOptions Indented = new(Line) { WriteIndented = true };

    internal static readonly JsonSerializerOptions Read = new(Line) { RespectNullableAnnotations = true };

    private static void LeaveOutEmpty(JsonTypeInfo type)
    {
        if (type.Type != typeof(Reference) && type.Type != typeof(ItemResult)) return;
        foreach (var property in type.Properties.Where(property => property.Name is not ("answer" or "question")))
            property.ShouldSerialize = (_, value) => value is not (null or "" or ICollection { Count: 0 });
    }
}
