using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;
using NanoVlm.Evaluation.Analysis;
using NanoVlm.Models;
using TorchSharp;

namespace NanoVlm.Training.Tests;

/// <summary>
/// TorchSharp does not hold the scalar that it makes of a number while native code reads it, so a collection that another thread starts may
/// free it too early. NanoVlm
/// makes its scalars in one class, which holds them; these tests read the code of each assembly for calls that would make one elsewhere,
/// TorchSharp's own included.
/// </summary>
public sealed class ScalarTests
{
    private static readonly Lazy<HashSet<string>> Converting = new(MethodsThatConvert);

    [Theory]
    [InlineData(typeof(VisionLanguageModel))]
    [InlineData(typeof(LinearCka))]
    [InlineData(typeof(Trainer))]
    public void No_method_but_scalar_makes_a_scalar_of_a_number(Type inAssembly) =>
        Assert.DoesNotContain(Conversions(inAssembly.Assembly), found => !found.StartsWith("Scalars.scalar ", StringComparison.Ordinal));

    [Fact]
    public void Numbers_that_become_scalars_are_found()
    {
        var found = Conversions(typeof(ScalarTests).Assembly).ToList();
        foreach (var call in new[] { "op_Addition(Tensor,Tensor)", "op_Implicit(Double)", "square()", "op_Multiply(Tensor,Double)", "ToDouble(Tensor)" })
            Assert.Contains(found, text => text.StartsWith($"{nameof(ScalarTests)}.{nameof(Converts)} ", StringComparison.Ordinal) && text.EndsWith("." + call, StringComparison.Ordinal));
    }

    private static double Converts(torch.Tensor x) => (x + x.square() + x * 2.5 + x * (Scalar)2.5).sum().ToDouble();

    private static IEnumerable<string> Conversions(Assembly assembly)
    {
        using var code = new AssemblyCode(assembly);
        return [.. code.Calls().Where(call => Converting.Value.Contains(call.Called) || IsConversion(call.Called)).Select(call => $"{call.Name} calls {call.Called}").Distinct()];
    }

    // Methods of TorchSharp that convert a number, or call one that does.
    private static HashSet<string> MethodsThatConvert()
    {
        using var code = new AssemblyCode(typeof(torch).Assembly);
        var calls = code.Calls().ToLookup(call => call.Called, call => call.Caller);
        var found = new HashSet<string>();
        var open = new Queue<string>(calls.Select(group => group.Key).Where(IsConversion));
        while (open.TryDequeue(out var called))
            foreach (var caller in calls[called])
                if (!caller.StartsWith("Scalar.", StringComparison.Ordinal) && found.Add(caller)) open.Enqueue(caller);
        return found;
    }

    private static bool IsConversion(string method) => method.StartsWith("Scalar.op_Implicit", StringComparison.Ordinal) || method.Contains(".ToScalar(", StringComparison.Ordinal);

    // Who calls whom, by name and parameters. A byte that looks like a call inside another instruction does no harm: its token would have
    // to be that of a conversion.
    private sealed class AssemblyCode : IDisposable
    {
        private readonly PEReader file;
        private readonly MetadataReader metadata;

        public AssemblyCode(Assembly assembly)
        {
            file = new PEReader(File.OpenRead(assembly.Location));
            metadata = file.GetMetadataReader();
        }

        public void Dispose() => file.Dispose();

        public IEnumerable<(string Name, string Caller, string Called)> Calls()
        {
            foreach (var handle in metadata.MethodDefinitions)
            {
                var method = metadata.GetMethodDefinition(handle);
                if (method.RelativeVirtualAddress == 0) continue;
                var (name, caller) = ($"{NameOf(method.GetDeclaringType())}.{metadata.GetString(method.Name)}", Signature(handle));
                var code = file.GetMethodBody(method.RelativeVirtualAddress).GetILBytes()!;
                for (var at = 0; at + 4 < code.Length; at++)
                    if (code[at] is 0x28 or 0x6F or 0x73 && Signature(BitConverter.ToInt32(code, at + 1)) is { } called) yield return (name, caller, called); // call, callvirt, newobj
            }
        }

        private string? Signature(int token)
        {
            var (table, row) = (token >>> 24, token & 0xFFFFFF);
            return Enum.IsDefined((TableIndex)table) && (TableIndex)table is TableIndex.MethodDef or TableIndex.MemberRef or TableIndex.MethodSpec
                && row > 0 && row <= metadata.GetTableRowCount((TableIndex)table) ? Signature(MetadataTokens.EntityHandle(token)) : null;
        }

        private string Signature(EntityHandle handle)
        {
            if (handle.Kind == HandleKind.MethodSpecification) return Signature(metadata.GetMethodSpecification((MethodSpecificationHandle)handle).Method);
            if (handle.Kind == HandleKind.MethodDefinition)
            {
                var method = metadata.GetMethodDefinition((MethodDefinitionHandle)handle);
                return Signature(method.GetDeclaringType(), method.Name, method.Signature);
            }
            var member = metadata.GetMemberReference((MemberReferenceHandle)handle);
            return member.GetKind() == MemberReferenceKind.Method ? Signature(member.Parent, member.Name, member.Signature) : "";
        }

        private string Signature(EntityHandle type, StringHandle name, BlobHandle signature)
        {
            var reader = metadata.GetBlobReader(signature);
            var parameters = new SignatureDecoder<string, object?>(new TypeNames(), metadata, null).DecodeMethodSignature(ref reader).ParameterTypes;
            return $"{NameOf(type)}.{metadata.GetString(name)}({string.Join(",", parameters)})";
        }

        private string NameOf(EntityHandle type) => type.Kind switch
        {
            HandleKind.TypeReference => metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)type).Name),
            HandleKind.TypeDefinition => metadata.GetString(metadata.GetTypeDefinition((TypeDefinitionHandle)type).Name),
            _ => "",
        };
    }

    private sealed class TypeNames : ISignatureTypeProvider<string, object?>
    {
        public string GetArrayType(string elementType, ArrayShape shape) => elementType + "[,]";
        public string GetByReferenceType(string elementType) => elementType + "&";
        public string GetFunctionPointerType(MethodSignature<string> signature) => "function";
        public string GetGenericInstantiation(string genericType, ImmutableArray<string> typeArguments) => $"{genericType}<{string.Join(",", typeArguments)}>";
        public string GetGenericMethodParameter(object? genericContext, int index) => "!!" + index;
        public string GetGenericTypeParameter(object? genericContext, int index) => "!" + index;
        public string GetModifiedType(string modifier, string unmodifiedType, bool isRequired) => unmodifiedType;
        public string GetPinnedType(string elementType) => elementType;
        public string GetPointerType(string elementType) => elementType + "*";
        public string GetPrimitiveType(PrimitiveTypeCode typeCode) => typeCode.ToString();
        public string GetSZArrayType(string elementType) => elementType + "[]";
        public string GetTypeFromDefinition(MetadataReader reader, TypeDefinitionHandle handle, byte rawTypeKind) => reader.GetString(reader.GetTypeDefinition(handle).Name);
        public string GetTypeFromReference(MetadataReader reader, TypeReferenceHandle handle, byte rawTypeKind) => reader.GetString(reader.GetTypeReference(handle).Name);
        public string GetTypeFromSpecification(MetadataReader reader, object? genericContext, TypeSpecificationHandle handle, byte rawTypeKind) => "";
    }
}
