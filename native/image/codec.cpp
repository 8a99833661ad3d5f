extern "C" __attribute__((visibility("default"))) const char *nvlm_image_version() { return "0.1.0"; }
