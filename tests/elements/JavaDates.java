import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Locale;
import java.util.TimeZone;

/** Writes java_dates.tsv: java tests/elements/JavaDates.java > tests/elements/java_dates.tsv */
public class JavaDates {
  static final String[] PATTERNS = {
    "yyyy-MM-dd'T'HH:mm:ssXXX", "yyyy-MM-dd'T'HH:mm:ssZ", "yyyy-MM-dd'T'HH:mm:ss'Z'",
    "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "yyyy-MM-dd'T'HH:mm:ss.SSSX",
    "yyyy-MM-dd'T'HH:mm:ss.SSSZ", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "yyyy-MM-dd'T'HH:mm:ss.SSS",
    "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "yyyy-MM-dd'T'HH:mmz", "yyyy-MM-dd",
    "yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd' 'HH:mm:ss", "yyyy/MM/dd HH:mm:ss", "MM/dd/yyyy",
    "MM/dd/yyyy HH:mm:ss", "MM/dd/yyyy'T'HH:mm:ssXXX", "MM/dd/yyy'T'HH:mm:ssXXX", "dd/MM/yyyy",
    "dd/MM/yyyy'T'HH:mm:ssXXX", "EEE, dd MMM yyyy HH:mm:ss Z", "y-M-d H:m:s.S",
    "yy MMMM EEEE", "yyyyMMddHHmmss", "''yyyy''", "HH 'o''clock' z", "SS S SSSS", "yyyy XX X",
    "yyyyy", "hh:mm a h", "dd.MM.yyyy",
  };
  static final long[] TIMES = {1503065969007L, 1703065969123L, 1793521799999L, 1793521800000L, 1772956799000L};
  static final String[] ZONES = {
    "UTC", "GMT", "America/Denver", "Europe/Berlin", "GMT-8:00", "GMT+6:30", "Asia/Kolkata",
    "America/Los_Angeles", "MST", "PST",
  };

  public static void main(String[] arguments) {
    for (String zone : ZONES)
      for (long time : TIMES)
        for (String pattern : PATTERNS) {
          SimpleDateFormat format = new SimpleDateFormat(pattern, Locale.ENGLISH);
          format.setTimeZone(TimeZone.getTimeZone(zone));
          System.out.println(time + "\t" + zone + "\t" + pattern + "\t" + format.format(new Date(time)));
        }
  }
}
