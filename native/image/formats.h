// What the codecs of the single formats share. Internal to libnanovlm_image.
#pragma once

#include "nanovlm_image.h"

#include <cstdio>

namespace nanovlm::image {

// Where a call leaves its one line of text.
struct Message {
    char *text;
    size_t size;

    template <typename... Args> void set(const char *format, Args... args) const {
        if (text != nullptr && size > 0) snprintf(text, size, format, args...);
    }
};

// Fills width and height; decodes as well where rgb is given.
int32_t read_jpeg(const uint8_t *data, size_t length, int32_t *width, int32_t *height, uint8_t *rgb, size_t rgb_size, Message message);
int32_t read_png(const uint8_t *data, size_t length, int32_t *width, int32_t *height, uint8_t *rgb, size_t rgb_size, Message message);
int32_t write_png(const uint8_t *rgb, int32_t width, int32_t height, uint8_t **png, size_t *png_size, Message message);

inline int32_t refuse_size(uint64_t width, uint64_t height, Message message) {
    message.set("it is %llu x %llu pixels, more than the %d pixels that are read", static_cast<unsigned long long>(width),
                static_cast<unsigned long long>(height), NVLM_IMAGE_MAX_PIXELS);
    return NVLM_IMAGE_TOO_LARGE;
}

inline int32_t refuse_buffer(size_t expected, size_t given, Message message) {
    message.set("the picture needs a buffer of %zu bytes, %zu were given", expected, given);
    return NVLM_IMAGE_BAD_ARGUMENT;
}

} // namespace nanovlm::image
