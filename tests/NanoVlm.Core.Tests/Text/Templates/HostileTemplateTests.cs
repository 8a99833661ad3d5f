using System.Text;
using System.Text.Json;
using NanoVlm.Text;
using NanoVlm.Text.Templates;

namespace NanoVlm.Tests.Text.Templates;

/// <summary>Whatever a template says, it renders within bounds or is refused with a message.</summary>
public class HostileTemplateTests
{
    private static readonly JsonElement _variables = TextGoldens.Expected("jinja").GetProperty("variables");

    private static readonly string[] _pieces =
    [
        "{{ ", " }}", "{% ", " %}", "{%- ", " -%}", "{# ", " #}", "for x in xs", "endfor", "if ", "else", "endif", "set a = ", "macro m(a)", "endmacro", "m(1)", "ns.n", "loop.index", "loop.",
        "xs", "obj", "name", "ms", "missing", " | ", "join(", "tojson", "map(attribute=", "select('odd')", "list", "sort", "batch(2)", "replace('a', 'b')", "[", "]", "[::-1]", "(", ")", "{", "}", "'", "\"",
        "\\", "\\u12", " ~ ", " + ", " * ", " ** ", " // ", " % ", "-", " is ", " not ", " in ", " and ", " or ", "1", "99999999999", "0", "1e308", ".items()", ".split()", ".", ",", ":", "=", "raw", "endraw", "break", "continue",
        "generation", "endgeneration", "namespace(n=1)", "range(9)", "raise_exception('x')", "strftime_now('%d')", "\n", " ", "😀", "\0", "\ud800",
    ];

    [Fact]
    public void Damaged_templates_render_or_are_refused()
    {
        var sources = TextGoldens.Expected("jinja").GetProperty("renderings").EnumerateArray().Select(r => r.GetProperty("template").GetString()!)
            .Concat(new[] { "tokenizer-gemma", "tokenizer-llama2", "tokenizer-llama3", "tokenizer-smollm2" }.Select(f => Tokenizer.Load(TextGoldens.Folder(f)).ChatTemplate!)).ToArray();
        var random = new Random(1);
        int rendered = 0, refused = 0;
        ChatMessage[] chat = [new("user", "Hi"), new("assistant", "Hello")];
        for (int round = 0; round < 6000; round++)
        {
            var source = new StringBuilder(round % 5 == 4 ? "" : sources[random.Next(sources.Length)]);
            for (int edit = random.Next(1, round % 5 == 4 ? 12 : 4); edit > 0; edit--)
            {
                int at = random.Next(source.Length + 1);
                if (random.Next(2) == 0)
                    source.Insert(at, _pieces[random.Next(_pieces.Length)]);
                else if (at < source.Length)
                    source.Remove(at, random.Next(1, Math.Min(8, source.Length - at + 1)));
            }
            try
            {
                var template = Template.Parse(source.ToString());
                Assert.True(template.Render(_variables).Length < 1 << 25);
                ChatTemplate.Parse(source.ToString()).Render(chat);
                rendered++;
            }
            catch (NanoVlmException e)
            {
                Assert.StartsWith("chat template, line ", e.Message);
                refused++;
            }
        }
        Assert.True(rendered > 500 && refused > 500, $"{rendered} rendered, {refused} refused");
    }

    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", "does too much")]
    [InlineData("{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "does too much")]
    [InlineData("{{ 'x' * 9999999999 }}", "does too much")]
    [InlineData("{{ [1] * 9999999999 }}", "does too much")]
    [InlineData("{{ 'x'.center(9999999999) }}", "does too much")]
    [InlineData("{{ 'x' | indent(9999999999) }}", "does too much")]
    [InlineData("{{ [1] | batch(2000000000, 0) | list }}", "does too much")]
    [InlineData("{% set ns = namespace(l=[1]) %}{% for a in range(60) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}", "does too much")]
    [InlineData("{% set ns = namespace(l=(1,), m=(1,)) %}{% for a in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% set ns.m = (ns.m, ns.m) %}{% endfor %}{{ ns.l == ns.m }}", "does too much")]
    [InlineData("{% set ns = namespace(l=(1,)) %}{% for a in range(60) %}{% set ns.l = (ns.l, ns.l) %}{% endfor %}{{ {ns.l: 1} }}", "does too much")]
    [InlineData("{% set ns = namespace(l=[1]) %}{% for a in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}", "nest deeper than 100")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "deeper than 64")]
    [InlineData("{{ 9223372036854775807 + 1 }}", "too large")]
    [InlineData("{{ 99 ** 99 }}", "too large")]
    [InlineData("{{ -9223372036854775807 - 1 | abs }}{{ (-9223372036854775807 - 1) | abs }}", "too large")]
    [InlineData("{{ range(0, 9223372036854775807) }}", "too big")]
    [InlineData("{{ 99999999999999999999 }}", "too large")]
    public void A_template_is_stopped_where_it_would_not_end(string source, string message)
    {
        var e = Assert.Throws<NanoVlmException>(() => Template.Parse(source).Render(_variables)); // or never returns
        Assert.Contains(message, e.Message);
    }

    [Theory]
    [InlineData("(", "1", ")")]
    [InlineData("[", "1", "]")]
    [InlineData("- ", "1", "")]
    [InlineData("not ", "1", "")]
    [InlineData("{1:", "1", "}")]
    [InlineData("x[", "1", "]")]
    [InlineData("1 if 1 else ", "1", "")]
    [InlineData("", "1", " + 1")]
    [InlineData("", "x", ".x")]
    [InlineData("", "x", "|list")]
    [InlineData("", "1", " and 1")]
    public void Depth_is_refused_or_borne(string before, string middle, string after)
    {
        string Deep(int levels) => $"{{{{ {string.Concat(Enumerable.Repeat(before, levels))}{middle}{string.Concat(Enumerable.Repeat(after, levels))} }}}}";
        Record.Exception(() => Template.Parse(Deep(20)).Render(_variables));
        var thrown = Record.Exception(() => Template.Parse(Deep(20_000)).Render(_variables));
        Assert.True(thrown is null or NanoVlmException, $"{thrown}");
    }

    [Fact]
    public void Blocks_inside_blocks_end()
    {
        Assert.Contains("deeper than 100", Assert.Throws<NanoVlmException>(() => Template.Parse(string.Concat(Enumerable.Repeat("{% if 1 %}", 100_000)))).Message);
    }

    [Theory]
    [InlineData("{{ ''.__class__ }}", "")]
    [InlineData("{{ ms.__init__ is defined }}", "False")]
    [InlineData("{{ range.__globals__ }}", "")]
    public void Nothing_but_the_values_is_reachable(string source, string text) => Assert.Equal(text, Template.Parse(source).Render(_variables));
}
