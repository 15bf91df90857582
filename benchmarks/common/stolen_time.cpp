#include "stolen_time.hpp"

#include <fstream>
#include <string>

namespace gantryd::benchmark {

stolen_time::stolen_time() : begin_(read()) {}

double stolen_time::percent() const
{
    const auto end = read();
    const auto all = end.all - begin_.all;
    return all > 0 ? 100 * static_cast<double>(end.stolen - begin_.stolen) / static_cast<double>(all) : 0;
}

stolen_time::ticks stolen_time::read()
{
    std::ifstream file("/proc/stat");
    std::string name;
    file >> name;  // user, nice, system, idle, iowait, irq, softirq, steal; guest time is in user already
    ticks out;
    std::int64_t value = 0;
    for (int column = 0; column < 8 && file >> value; ++column) {
        out.all += value;
        out.stolen = value;
    }
    return out;
}

}  // namespace gantryd::benchmark
