using System.Text.Json;
using NanoVlm.Text;

namespace NanoVlm.Tests.Text;

/// <summary>Prompts, image strings and labels as the nanoVLM reference makes them.</summary>
public class NanoVlmTextGoldenTests
{
    private static readonly JsonElement _expected = TextGoldens.Expected("nanovlm-data");
    private static readonly Tokenizer _tokenizer = ImageTokens.AddTo(Tokenizer.Load(Path.Combine(TextGoldens.Folder("nanovlm-data"), "tokenizer")));

    [Fact]
    public void The_66_extra_tokens_follow_the_vocabulary_in_order()
    {
        var expected = _expected.GetProperty("tokenizer");
        Assert.Equal(expected.GetProperty("len").GetInt32(), _tokenizer.VocabularySize);
        Assert.Equal(expected.GetProperty("eos").GetInt32(), _tokenizer.EosTokenId);
        Assert.Equal(expected.GetProperty("pad").GetInt32(), _tokenizer.PadTokenId);
        var ids = expected.GetProperty("extra_token_ids").EnumerateObject().Select(p => (p.Name, (int?)p.Value.GetInt32()));
        Assert.Equal(ids, ImageTokens.All.Select(t => (t.Name, _tokenizer.TokenToId(t.Token))));
    }

    [Fact]
    public void Image_strings_are_those_of_the_reference()
    {
        foreach (var item in _expected.GetProperty("image_strings").EnumerateArray())
        {
            var grids = item.GetProperty("counts").EnumerateArray().Select(g => (g[0].GetInt32(), g[1].GetInt32())).ToArray();
            string text = ImageTokens.ImageString(grids, item.GetProperty("mp_image_token_length").GetInt32(), item.GetProperty("global_image_token").GetBoolean());
            Assert.Equal(item.GetProperty("text").GetString(), text);
            if (item.TryGetProperty("ids", out var ids))
                Assert.Equal(ids.Ints(), _tokenizer.Encode(text).Ids);
        }
    }

    [Fact]
    public void Grids_without_tokens_are_refused()
    {
        var e = Assert.Throws<NanoVlmException>(() => ImageTokens.ImageString([(1, 1), (9, 2)], 4));
        Assert.Contains("Image 1 has a grid of 9 by 2", e.Message);
    }

    [Fact]
    public void Ids_and_labels_of_conversations_are_those_of_the_reference()
    {
        int compared = 0;
        foreach (var item in _expected.GetProperty("vqa_dataset").EnumerateArray())
        {
            if (!item.TryGetProperty("decoded", out var decoded))
                continue;
            var encoded = ChatTemplate.Parse(_tokenizer.ChatTemplate!).Encode(_tokenizer, Messages(decoded.GetString()!));
            Assert.Equal(item.GetProperty("result").GetProperty("input_ids").Ints(), encoded.Ids);
            Assert.Equal(item.GetProperty("result").GetProperty("labels").Ints(), encoded.NextTokenLabels());
            compared++;
        }
        Assert.True(compared >= 10);
    }

    private static List<ChatMessage> Messages(string rendered) =>
    [
        .. rendered.Split("<|im_end|>\n", StringSplitOptions.RemoveEmptyEntries).Select(turn => turn["<|im_start|>".Length..])
            .Select(turn => new ChatMessage(turn[..turn.IndexOf('\n')], turn[(turn.IndexOf('\n') + 1)..])),
    ];
}
