/* The driver's library, libcuda.so.1, for a machine without NVIDIA's driver: the functions that MXNet's GPU build binds
 * when it is loaded. Each says that there is no device, and MXNet then counts none. */
#define STUB(function) \
    int function(void) { return 100; } /* CUDA_ERROR_NO_DEVICE */

STUB(cuDeviceGet)
STUB(cuDevicePrimaryCtxRetain)
STUB(cuGetErrorString)
STUB(cuGraphKernelNodeGetParams)
STUB(cuGraphNodeGetType)
STUB(cuLaunchKernel)
STUB(cuModuleGetFunction)
STUB(cuModuleLoadData)
STUB(cuModuleLoadDataEx)
STUB(cuModuleUnload)
