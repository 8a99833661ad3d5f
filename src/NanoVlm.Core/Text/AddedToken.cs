using System.Text.Json.Nodes;

namespace NanoVlm.Text;

/// <summary>A token that is looked for in the text before the model sees it.</summary>
/// <param name="Content">The token's text.</param>
/// <param name="Special">Control tokens, which <c>Decode</c> can leave out.</param>
/// <param name="SingleWord">Found only where no word character touches it.</param>
/// <param name="LeftStrip">Takes the white space before it along.</param>
/// <param name="RightStrip">Takes the white space after it along.</param>
/// <param name="Normalized">Looked for in the normalized text, not in the text as given.</param>
internal sealed record AddedToken(
    string Content, bool Special = true, bool SingleWord = false, bool LeftStrip = false, bool RightStrip = false, bool Normalized = false)
{
    internal static AddedToken Read(JsonPart part) => new(
        part.Get("content").String(), part.Bool("special", false), part.Bool("single_word", false), part.Bool("lstrip", false),
        part.Bool("rstrip", false), part.Bool("normalized", !part.Bool("special", false)));

    internal JsonObject ToJson(int? id = null)
    {
        var json = new JsonObject
        {
            ["content"] = Content,
            ["single_word"] = SingleWord,
            ["lstrip"] = LeftStrip,
            ["rstrip"] = RightStrip,
            ["normalized"] = Normalized,
            ["special"] = Special,
        };
        if (id is not null)
            json.Insert(0, "id", id);
        return json;
    }
}
