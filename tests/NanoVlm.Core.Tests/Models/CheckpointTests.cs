using NanoVlm.Configuration;
using NanoVlm.Models;
using NanoVlm.Weights;
using TorchSharp;
using static TorchSharp.torch;

namespace NanoVlm.Tests.Models;

/// <summary>Model folders, written and read.</summary>
public sealed class CheckpointTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly DisposeScope scope = NewDisposeScope();

    public void Dispose()
    {
        scope.Dispose();
        folder.Dispose();
    }

    [Theory, InlineData("nanovlm-tied"), InlineData("nanovlm-untied-longrope")]
    public void A_folder_of_nanoVLMs_is_written_back_byte_for_byte(string name)
    {
        using var loaded = Checkpoint.Load(RepositoryFiles.Golden(name));
        Checkpoint.Save(folder.Path, loaded.Model, loaded.Tokenizer, loaded.Processor);
        foreach (var file in new[] { VlmConfig.FileName, Checkpoint.WeightsFile })
            Assert.Equal(File.ReadAllBytes(RepositoryFiles.Golden($"{name}/{file}")), File.ReadAllBytes(folder[file]));
    }

    [Fact]
    public void A_language_model_alone_is_written_back_byte_for_byte()
    {
        using var decoder = Checkpoint.LoadLanguageModel(RepositoryFiles.Golden("nanovlm-lm"));
        Checkpoint.SaveWeights(decoder, folder[Checkpoint.WeightsFile], "", tied: true);
        Assert.Equal(File.ReadAllBytes(RepositoryFiles.Golden("nanovlm-lm/model.safetensors")), File.ReadAllBytes(folder[Checkpoint.WeightsFile]));
    }

    [Fact]
    public void A_saved_folder_is_read_back_with_all_it_needs()
    {
        using var loaded = Checkpoint.Load(RepositoryFiles.Golden("nanovlm-tied"));
        Checkpoint.Save(folder.Path, loaded.Model, loaded.Tokenizer, loaded.Processor);
        using var again = Checkpoint.Load(folder.Path); // its lm_tokenizer leads nowhere from here: the tokenizer beside it is used
        Assert.Equal(loaded.Model.ImageTokenId, again.Model.ImageTokenId);
        Assert.Equal(loaded.Tokenizer.VocabularySize, again.Tokenizer.VocabularySize);
        var (processor, reread) = (loaded.Processor.Config, again.Processor.Config);
        Assert.Equal(processor with { Mean = [], Std = [] }, reread with { Mean = [], Std = [] });
        Assert.Equal([.. processor.Mean, .. processor.Std], [.. reread.Mean, .. reread.Std]);
        var state = again.Model.state_dict();
        foreach (var (name, tensor) in loaded.Model.state_dict())
            Assert.Equal(tensor.bytes.ToArray(), state[name].bytes.ToArray());
    }

    [Theory, InlineData("decoder.head.weight"), InlineData("decoder.token_embedding.weight"), InlineData("both")]
    public void A_tied_head_is_found_under_either_of_its_names(string stored)
    {
        using var loaded = Checkpoint.Load(RepositoryFiles.Golden("nanovlm-tied"));
        var tensors = Stored("nanovlm-tied");
        tensors.Remove("decoder.head.weight", out var shared);
        foreach (var name in stored == "both" ? ["decoder.head.weight", "decoder.token_embedding.weight"] : new[] { stored }) tensors[name] = shared!;
        SafeTensorsWriter.Write(folder["w"], tensors);
        using (no_grad()) loaded.Model.Decoder.HeadWeight.zero_();
        Checkpoint.LoadWeights(loaded.Model, folder["w"], "decoder.", tied: true);
        Assert.Equal(shared!.bytes.ToArray(), loaded.Model.Decoder.HeadWeight.bytes.ToArray());
    }

    [Fact]
    public void Two_different_tensors_for_one_tied_head_are_refused()
    {
        using var loaded = Checkpoint.Load(RepositoryFiles.Golden("nanovlm-tied"));
        var tensors = Stored("nanovlm-tied");
        tensors["decoder.token_embedding.weight"] = tensors["decoder.head.weight"] + 1;
        SafeTensorsWriter.Write(folder["w"], tensors);
        var error = Assert.Throws<NanoVlmException>(() => Checkpoint.LoadWeights(loaded.Model, folder["w"], "decoder.", tied: true));
        Assert.Contains("lm_tie_weights", error.Message);
    }

    [Fact]
    public void Everything_wrong_with_the_weights_is_in_one_message()
    {
        using var loaded = Checkpoint.Load(RepositoryFiles.Golden("nanovlm-tied"));
        var tensors = Stored("nanovlm-tied");
        tensors.Remove("MP.proj.weight");
        tensors.Remove("decoder.head.weight");
        tensors["decoder.norm.weight"] = zeros(47);
        tensors["decoder.norm.bias"] = zeros(48);
        SafeTensorsWriter.Write(folder["w"], tensors);
        var before = loaded.Model.state_dict().ToDictionary(pair => pair.Key, pair => pair.Value.bytes.ToArray());
        var message = Assert.Throws<NanoVlmException>(() => Checkpoint.LoadWeights(loaded.Model, folder["w"], "decoder.", tied: true)).Message;
        Assert.Contains(folder["w"], message);
        Assert.Contains("MP.proj.weight is missing (expected [48, 128])", message);
        Assert.Contains("decoder.token_embedding.weight is missing", message);
        Assert.Contains("decoder.norm.weight has shape [47], expected [48]", message);
        Assert.Contains("decoder.norm.bias is unexpected", message);
        Assert.Equal(5, message.Split('\n').Length);
        foreach (var (name, tensor) in loaded.Model.state_dict())
            Assert.Equal(before[name], tensor.bytes.ToArray()); // a refused file changes nothing
    }

    [Fact]
    public void Weights_stored_as_integers_are_refused()
    {
        using var loaded = Checkpoint.Load(RepositoryFiles.Golden("nanovlm-tied"));
        var tensors = Stored("nanovlm-tied");
        tensors["decoder.norm.weight"] = ones(48, ScalarType.Int64);
        SafeTensorsWriter.Write(folder["w"], tensors);
        Assert.Contains("decoder.norm.weight is I64", Assert.Throws<NanoVlmException>(() => Checkpoint.LoadWeights(loaded.Model, folder["w"], "decoder.", tied: true)).Message);
    }

    [Theory, InlineData(0), InlineData(7), InlineData(1000), InlineData(-1)]
    public void A_file_cut_short_is_refused_in_one_line(int length)
    {
        var copy = Copy("nanovlm-tied");
        var file = Path.Combine(copy, Checkpoint.WeightsFile);
        var bytes = File.ReadAllBytes(file);
        File.WriteAllBytes(file, bytes[..(length < 0 ? bytes.Length + length : length)]);
        var message = Assert.Throws<NanoVlmException>(() => Checkpoint.LoadModel(copy)).Message;
        Assert.Contains(file, message);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Without_a_tokenizer_the_image_token_follows_the_base_vocabulary()
    {
        var copy = Copy("nanovlm-tied");
        using var model = Checkpoint.LoadModel(copy);
        Assert.Equal(520, model.ImageTokenId);
        Assert.Contains("tokenizer.json", Assert.Throws<NanoVlmException>(() => Checkpoint.Load(copy)).Message);
    }

    [Fact]
    public void A_folder_that_is_not_there_is_named()
    {
        Assert.Contains(folder["none"], Assert.Throws<NanoVlmException>(() => Checkpoint.LoadModel(folder["none"])).Message);
    }

    [Fact]
    public void A_folder_of_another_kind_of_model_is_told_in_one_line()
    {
        File.WriteAllText(folder[VlmConfig.FileName], """{"model_type": "llama", "hidden_size": 8}""");
        var message = Assert.Throws<NanoVlmException>(() => Checkpoint.LoadModel(folder.Path)).Message;
        Assert.Contains("Hugging Face model of type 'llama'", message);
        Assert.DoesNotContain('\n', message);
    }

    // The folder alone, away from the tokenizer that its config names.
    private string Copy(string golden)
    {
        var copy = Directory.CreateDirectory(folder["copy"]).FullName;
        foreach (var file in new[] { VlmConfig.FileName, Checkpoint.WeightsFile })
            File.Copy(RepositoryFiles.Golden($"{golden}/{file}"), Path.Combine(copy, file));
        return copy;
    }

    private static Dictionary<string, Tensor> Stored(string golden)
    {
        using var file = SafeTensorsFile.Open(RepositoryFiles.Golden($"{golden}/model.safetensors"));
        return file.Names.ToDictionary(name => name, file.Tensor);
    }
}
