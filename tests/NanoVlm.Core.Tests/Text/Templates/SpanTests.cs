using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using NanoVlm.Text;

namespace NanoVlm.Tests.Text.Templates;

/// <summary>Which part of a rendered conversation is whose.</summary>
public class SpanTests
{
    private static readonly ChatMessage[] _chat = [new("user", "Hi"), new("assistant", " Hello! "), new("user", "Bye"), new("assistant", "Bye Bye")];

    [Theory]
    [InlineData("tokenizer-llama3", "Hello!<|eot_id|>", "Bye Bye<|eot_id|>")]
    [InlineData("tokenizer-gemma", "Hello!<end_of_turn>\n", "Bye Bye<end_of_turn>\n")]
    [InlineData("tokenizer-llama2", " Hello! </s>", " Bye Bye </s>")]
    [InlineData("tokenizer-smollm2", " Hello! <|im_end|>\n", "Bye Bye<|im_end|>\n")]
    public void Answers_are_learned_with_their_end_and_nothing_else(string folder, string first, string second)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder(folder));
        var template = ChatTemplate.Parse(tokenizer.ChatTemplate!, tokenizer);
        Assert.Equal([first, second], Answers(template.Render(_chat)));
        var encoded = template.Encode(tokenizer, _chat);
        string learned = tokenizer.Decode([.. encoded.Ids.Where((_, i) => encoded.AssistantMask[i])]);
        Assert.Equal((first + second).Replace(" ", ""), learned.Replace(" ", ""));
        Assert.Equal([first, second], Answers(template.Render(_chat, addGenerationPrompt: true)));
    }

    [Theory]
    // The prompt is written inside the loop, where its last turn could take it along.
    [InlineData("{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}</s>\n{% if loop.last and add_generation_prompt %}<|assistant|>\n{% endif %}{% endfor %}", " Hello! </s>\n")]
    // Something else follows the whole conversation.
    [InlineData("{% for m in messages %}{{ '<|' + m.role + '|>\n' + m.content + '<|end|>\n' }}{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% else %}{{ '<eos>' }}{% endif %}", " Hello! <|end|>\n")]
    // No prompt: the space before the answer is a part of its first token.
    [InlineData("{% for m in messages %}{{ m.role | upper }}: {{ m.content.strip() }}</s>\n{% endfor %}", " Hello!</s>\n")]
    // By way of variables, macros, blocks, lists and JSON.
    [InlineData("{% for m in messages %}{% set c = m['content'].split('l') %}{{ m.role }}\n{{ c | join('l') }}<e>{% endfor %}", " Hello! <e>")]
    [InlineData("{% macro turn(m) %}{{ m.role }}\n{{ m.content[1:-1] }}<e>{% endmacro %}{% for m in messages %}{{ turn(m) }}{% endfor %}", "Hello!<e>")]
    [InlineData("{% for m in messages %}{% set body %}{{ m.role }}\n{{ m.content | replace('Hello', 'Hello') }}<e>{% endset %}{{ body }}{% endfor %}", " Hello! <e>")]
    [InlineData("{% for m in messages %}{{ m.role }}{{ m.content | tojson }}<e>{% endfor %}", "\" Hello! \"<e>")]
    // Not in a loop over the messages: what ends an answer is known from a short conversation.
    [InlineData("{% for i in range(messages | length) %}{{ messages[i].role }}:{{ messages[i].content }}<e>{% endfor %}", " Hello! <e>")]
    // The template says it itself.
    [InlineData("{% for m in messages %}{{ m.role }}:{% if m.role == 'assistant' %}{% generation %}{{ m.content | trim }}<e>{% endgeneration %}!{% else %}{{ m.content }}{% endif %}{% endfor %}", "Hello!<e>")]
    public void Answers_are_found_in_templates_of_any_shape(string source, string answer)
    {
        var template = ChatTemplate.Parse(source);
        foreach (bool prompt in new[] { false, true })
        {
            var rendered = template.Render(_chat[..2], prompt);
            Assert.Equal([answer], Answers(rendered));
            Assert.Equal(1, rendered.Spans.Single(s => s.Role == "assistant").Message);
        }
    }

    [Theory]
    // The next header, a line of the system's, a new sequence: written only where a message follows.
    [InlineData("{% for m in messages %}{% if m.role=='assistant' %}{{m.content}}<|im_end|>\n{% if not loop.last %}<|im_start|>user\n{% endif %}{% else %}{{m.content}}<|im_end|>\n<|im_start|>assistant\n{% endif %}{% endfor %}", " Hello! <|im_end|>\n", "Bye Bye<|im_end|>\n")]
    [InlineData("{% for m in messages %}<|im_start|>{{m.role}}\n{{m.content}}<|im_end|>\n{% if m.role=='assistant' and not loop.last %}<|im_start|>system\nContinue.<|im_end|>\n{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}", " Hello! <|im_end|>\n", "Bye Bye<|im_end|>\n")]
    // Written always, but after the token where the model stops.
    [InlineData("<|im_start|>user\n{% for m in messages %}{% if m.role=='assistant' %}{{m.content}}<|im_end|>\n<|im_start|>user\n{% else %}{{m.content}}<|im_end|>\n<|im_start|>assistant\n{% endif %}{% endfor %}", " Hello! <|im_end|>\n", "Bye Bye<|im_end|>\n")]
    // White space is no matter.
    [InlineData("{% for m in messages %}{{ '<|' + m.role + '|>' + m.content + '<e>' }}{% if not loop.last %}{{ '\n' }}{% endif %}{% endfor %}", " Hello! <e>\n", "Bye Bye<e>")]
    public void What_follows_the_end_of_a_turn_is_nobodys(string source, string first, string second)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2")).WithEosToken("<|im_end|>");
        var template = ChatTemplate.Parse(source, tokenizer);
        Assert.Equal([first, second], Answers(template.Render(_chat)));
        var encoded = template.Encode(tokenizer, _chat);
        Assert.Equal(first + second, tokenizer.Decode([.. encoded.Ids.Where((_, i) => encoded.AssistantMask[i])]));
    }

    [Theory]
    [InlineData(" </s><s>[INST] ")]
    [InlineData(" </s>{% if not loop.last %}<s>[INST] {% endif %}")]
    public void The_token_where_a_model_stops_ends_an_answer(string tail)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-llama2"));
        var template = ChatTemplate.Parse("<s>[INST] {% for m in messages %}{{ m.content }}{% if m.role == 'user' %} [/INST]{% else %}" + tail + "{% endif %}{% endfor %}", tokenizer);
        _ = template.Encode(tokenizer, _chat);
        Assert.Equal([" Hello!  </s>", "Bye Bye </s>"], Answers(template.Render(_chat)));
    }

    [Theory]
    [InlineData("{% for m in messages %}{{ m.role }}: {{ m.content }}{% if not loop.last %}</s>{% endif %}{% endfor %}")]       // the last answer has no end
    [InlineData("{% for m in messages %}{{ m.content }}{% if m.role == 'assistant' %}<|im_end|>\n<|im_start|>user\n{% endif %}{% endfor %}")] // always the header
    [InlineData("{% for m in messages %}{{ m.content }}{% if m.role == 'user' %} [/INST]{% else %} </s><s>[INST] {% endif %}{% endfor %}")] // and no token tells
    public void A_template_whose_answers_have_no_end_of_their_own_is_refused(string source)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2")).WithEosToken("<|endoftext|>");
        var e = Assert.Throws<NanoVlmException>(() => ChatTemplate.Parse(source, tokenizer).Encode(tokenizer, _chat));
        Assert.Contains("message 2 of 4", e.Message);
        Assert.Contains("without an end", e.Message);
    }

    [Fact]
    public void An_empty_answer_has_its_end()
    {
        foreach (string folder in new[] { "tokenizer-llama3", "tokenizer-gemma", "tokenizer-smollm2" })
        {
            var tokenizer = Tokenizer.Load(TextGoldens.Folder(folder));
            var template = ChatTemplate.Parse(tokenizer.ChatTemplate!, tokenizer);
            Assert.Equal(template.EndOfTurn, Answers(template.Render([new("user", "Hi"), new("assistant", "")])).Single().TrimEnd());
        }
    }

    [Fact]
    public void A_call_of_a_tool_is_learned_with_what_the_template_writes_around_it()
    {
        var template = ChatTemplate.Parse("""
            {%- for m in messages %}
                {{- '<|im_start|>' + m.role + '\n' }}
                {%- for call in m.tool_calls %}
                    {{- '<call>{"name": "' + call.function.name + '", "arguments": ' + (call.function.arguments | tojson) + '}</call>' }}
                {%- else %}
                    {{- m.content }}
                {%- endfor %}
                {{- '<|im_end|>\n' }}
            {%- endfor %}
            {%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}
            """);
        var messages = JsonElement.Parse("""
            [{"role": "user", "content": "2+2?"}, {"role": "assistant", "tool_calls": [{"type": "function", "function": {"name": "add", "arguments": {"a": 2, "b": 2}}}]},
             {"role": "tool", "name": "add", "content": "4"}, {"role": "assistant", "content": "4."}]
            """);
        Assert.Equal(["<call>{\"name\": \"add\", \"arguments\": {\"a\": 2, \"b\": 2}}</call><|im_end|>\n", "4.<|im_end|>\n"], Answers(template.Render(messages)));
    }

    [Theory]
    [InlineData("{% for m in messages %}{{ m.content }}|{% endfor %}{% for m in messages %}{{ m.content }}|{% endfor %}")]      // written twice
    [InlineData("{{ messages | map(attribute='content') | join(' ') }}{{ messages[0].content }}")]                            // mixed
    [InlineData("{% for m in messages %}{{ m.role }}{% if m.role == 'user' %}{{ m.content }}{% endif %}{% endfor %}")]          // left out
    [InlineData("{% for m in messages %}{{ messages[0].content }}{{ m.content }}{{ messages[0].content }}{% endfor %}")]
    public void A_template_that_does_not_show_whose_text_is_whose_is_refused(string source)
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-smollm2"));
        var template = ChatTemplate.Parse(source);
        var e = Assert.Throws<NanoVlmException>(() => template.Encode(tokenizer, _chat));
        Assert.Contains("message 2 of 4", e.Message);
        Assert.Contains("generation", e.Message);
        Assert.Contains(source[..40], e.Message);
    }

    [Fact]
    public void Parts_are_rendered_and_found()
    {
        var smol = ChatTemplate.Parse("""
            <|im_start|>{% for message in messages %}{{message['role'] | capitalize}}{% if message['content'][0]['type'] == 'image' %}{{':'}}{% else %}{{': '}}{% endif %}{% for line in message['content'] %}{% if line['type'] == 'text' %}{{line['text']}}{% elif line['type'] == 'image' %}{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>
            {% endfor %}{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}
            """);
        ChatMessage[] messages = [new("user", "") { Parts = [ChatPart.Image, ChatPart.OfText("What?")] }, new("assistant", "A cat.")];
        var rendered = smol.Render(messages);
        Assert.Equal("<|im_start|>User:<image>What?<end_of_utterance>\nAssistant: A cat.<end_of_utterance>\n", rendered.Text);
        Assert.Equal([" A cat.<end_of_utterance>\n"], Answers(rendered));
        Assert.Equal("<end_of_utterance>", smol.EndOfTurn);
        Assert.EndsWith("\nAssistant:", smol.Render(messages[..1], addGenerationPrompt: true).Text);
    }

    [Fact]
    public void Spans_hold_the_content_whatever_it_is()
    {
        var tokenizer = Tokenizer.Load(TextGoldens.Folder("tokenizer-llama3"));
        string[] sources = [ChatTemplate.NanoVlm, tokenizer.ChatTemplate!, "{% for m in messages %}{{ m.role ~ ': ' ~ m.content }}\n\n{% endfor %}"];
        var contents = Gen.Elements("a", " ", "\n", "<|im_end|>\n", "<|im_start|>assistant\n", "<|eot_id|>", "😀", "assistant: ", "'", "\n\n").ListOf().Select(string.Concat);
        var chats = Gen.Zip(Gen.Elements("user", "assistant", "system"), contents).Select(m => new ChatMessage(m.Item1, m.Item2)).NonEmptyListOf();
        foreach (string source in sources)
        {
            var template = ChatTemplate.Parse(source, tokenizer);
            Prop.ForAll(chats.ToArbitrary(), messages =>
            {
                var rendered = template.Render([.. messages]);
                int at = 0;
                for (int i = 0; i < messages.Count; i++)
                {
                    var span = rendered.Spans.Single(s => s.Message == i);
                    string text = rendered.Text[span.Start..span.End];
                    string content = source == tokenizer.ChatTemplate ? messages[i].Content.Trim() : messages[i].Content;
                    if (span.Start < at || !text.TrimStart(' ').StartsWith(content.TrimStart(' '), StringComparison.Ordinal) || text.Length - content.Length > 12)
                        return false;
                    at = span.End;
                }
                return true;
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(100));
        }
    }

    private static string[] Answers(RenderedChat chat) => [.. chat.Spans.Where(s => s.Role == "assistant").Select(s => chat.Text[s.Start..s.End])];
}
