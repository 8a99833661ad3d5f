// WebP over libwebp: lossy, lossless, with and without alpha. Animations are not stills and are refused.
#include "formats.h"

#include <webp/decode.h>

namespace nanovlm::image {
namespace {

int32_t refuse(VP8StatusCode status, Message message) {
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
        message.set("out of memory");
        return NVLM_IMAGE_OUT_OF_MEMORY;
    case VP8_STATUS_NOT_ENOUGH_DATA:
        message.set("its WebP data ends before the picture does; the file is truncated");
        return NVLM_IMAGE_CORRUPT;
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        message.set("its WebP data is of a kind that libwebp does not read");
        return NVLM_IMAGE_CORRUPT;
    default:
        message.set("its WebP data cannot be read: it is damaged");
        return NVLM_IMAGE_CORRUPT;
    }
}

} // namespace

int32_t read_webp(const uint8_t *data, size_t length, nvlm_image_info *info, const Target &target, Message message) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        message.set("libwebp has another version than the one this was built with");
        return NVLM_IMAGE_CORRUPT;
    }
    const VP8StatusCode header = WebPGetFeatures(data, length, &config.input);
    if (header != VP8_STATUS_OK) return refuse(header, message);
    *info = {config.input.width, config.input.height, config.input.has_alpha != 0};
    if (config.input.has_animation) {
        message.set("it is an animated WebP; stills are supported");
        return NVLM_IMAGE_UNKNOWN_FORMAT;
    }
    const uint64_t pixels = static_cast<uint64_t>(info->width) * static_cast<uint64_t>(info->height);
    if (pixels > target.max_pixels) return refuse_size(static_cast<uint64_t>(info->width), static_cast<uint64_t>(info->height), target, message);
    if (target.pixels == nullptr) return NVLM_IMAGE_OK;
    if (target.size != pixels * static_cast<uint64_t>(target.channels)) return refuse_buffer(pixels * static_cast<uint64_t>(target.channels), target.size, message);
    config.output.colorspace = target.channels == 4 ? MODE_RGBA : MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = target.pixels;
    config.output.u.RGBA.stride = info->width * target.channels;
    config.output.u.RGBA.size = target.size;
    const VP8StatusCode status = WebPDecode(data, length, &config);
    WebPFreeDecBuffer(&config.output);
    return status == VP8_STATUS_OK ? NVLM_IMAGE_OK : refuse(status, message);
}

} // namespace nanovlm::image
