using System.Text.Json;
using NanoVlm.Text;
using NanoVlm.Text.Templates;

namespace NanoVlm.Tests.Text.Templates;

/// <summary>Templates rendered by transformers, and here.</summary>
public class TemplateGoldenTests
{
    [Fact]
    public void Every_feature_renders_as_in_the_reference()
    {
        var expected = TextGoldens.Expected("jinja");
        int compared = 0;
        foreach (var item in expected.GetProperty("renderings").EnumerateArray())
        {
            string source = item.GetProperty("template").GetString()!, name = item.GetProperty("name").GetString()!;
            if (item.TryGetProperty("error", out var error))
                AssertRaises(error.GetString()!, () => Template.Parse(source).Render(expected.GetProperty("variables")));
            else
                Assert.Equal((name, item.GetProperty("text").GetString()), (name, Template.Parse(source).Render(expected.GetProperty("variables"))));
            compared++;
        }
        Assert.True(compared >= 21);
    }

    [Theory] // as jinja2 over Python
    [InlineData("stra\u00DFe \uFB01ne", "STRASSE FINE|stra\u00DFe \uFB01ne|Stra\u00DFe \uFB01ne|Stra\u00DFe FIne|Stra\u00DFe Fine|Stra\u00DFe \uFB01ne")]
    [InlineData("\u0130STANBUL \u039F\u0394\u039F\u03A3 \u03A3\u0391\u03A3.", "\u0130STANBUL \u039F\u0394\u039F\u03A3 \u03A3\u0391\u03A3.|i\u0307stanbul \u03BF\u03B4\u03BF\u03C2 \u03C3\u03B1\u03C2.|\u0130stanbul \u03BF\u03B4\u03BF\u03C2 \u03C3\u03B1\u03C2.|\u0130stanbul \u039F\u03B4\u03BF\u03C2 \u03A3\u03B1\u03C2.|\u0130stanbul \u039F\u03B4\u03BF\u03C2 \u03A3\u03B1\u03C2.|\u0130stanbul \u03BF\u03B4\u03BF\u03C2 \u03C3\u03B1\u03C2.")]
    [InlineData("\u00DFa \uFB02at \u0149", "SSA FLAT \u02BCN|\u00DFa \uFB02at \u0149|Ssa \uFB02at \u0149|SSa FLat \u02BCN|Ssa Flat \u02BCN|Ssa \uFB02at \u0149")]
    public void Letters_change_their_case_as_in_Python(string text, string expected) =>
        Assert.Equal(expected, Template.Parse("{{ x|upper }}|{{ x|lower }}|{{ x|capitalize }}|{{ x|title }}|{{ x.title() }}|{{ x.capitalize() }}")
            .Render(JsonSerializer.SerializeToElement(new { x = text })));

    [Theory]
    [InlineData("tokenizer-smollm2")]
    [InlineData("tokenizer-gemma")]
    [InlineData("tokenizer-llama2")]
    [InlineData("tokenizer-llama3")]
    public void Conversations_render_and_encode_as_in_the_reference(string folder)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder(folder));
        var template = ChatTemplate.Parse(tokenizer.ChatTemplate!, tokenizer);
        int compared = 0;
        foreach (var item in TextGoldens.Expected(folder).GetProperty("chat").EnumerateArray())
        {
            var messages = item.GetProperty("messages");
            bool prompt = item.GetProperty("add_generation_prompt").GetBoolean();
            if (item.TryGetProperty("error", out var error))
            {
                AssertRaises(error.GetString()!, () => template.Render(messages, prompt));
            }
            else
            {
                Assert.Equal(item.GetProperty("text").GetString(), template.Render(messages, prompt).Text);
                Assert.Equal(item.GetProperty("ids").Ints(), template.Encode(tokenizer, messages, prompt).Ids);
            }
            compared++;
        }
        Assert.Equal(18, compared);
    }

    // transformers finds an empty conversation before the template does.
    private static void AssertRaises(string error, Action render)
    {
        string message = Assert.Throws<NanoVlmException>(render).Message;
        string expected = error[(error.IndexOf(": ", StringComparison.Ordinal) + 2)..];
        Assert.EndsWith(expected == "list index out of range" ? "needs one at least." : expected, message);
    }
}
